// SPDX-License-Identifier: Apache-2.0
// What this browser keeps for a user: the unsaved text of this tab, and a bounded history of own
// runs. Nothing of it is trusted when it is read back, and a browser without storage still works.

import type { Target } from '@/api/schema';
import { readTarget } from '@/components/target/target';

/** Runs kept. */
export const HISTORY_MAX = 50;
/** Characters of all statements and targets in the history together. */
const HISTORY_CHARS_MAX = 200_000;

/** The text in the editor, as far as the address does not tell it. */
export interface Draft {
  sql: string;
  target: Target;
  /** What of the address it began with; see `originOf`. */
  origin: string;
  /** The saved query it belongs to, and the version it began with. */
  saved?: { id: string; version: number };
  /** Whether it differs from what it began with. */
  edited: boolean;
}

/** Something that was run, launched, or displaced unsaved. */
export interface Remembered {
  sql: string;
  target: Target;
  kind: 'live' | 'campaign' | 'unsaved';
  /** When, in milliseconds. */
  at: number;
}

function isTarget(value: unknown): value is Target {
  const target = value as Target | null;
  if (target?.type === 'all') return true;
  if (target?.type === 'hosts') return Array.isArray(target.host_ids);
  return target?.type === 'os_in' && Array.isArray(target.platforms);
}

function read(storage: Storage, key: string): unknown {
  try {
    return JSON.parse(storage.getItem(key) ?? 'null');
  } catch {
    return null;
  }
}

function write(storage: Storage, key: string, value: unknown): void {
  try {
    storage.setItem(key, JSON.stringify(value));
  } catch {
    // Full or forbidden: then nothing survives a reload, which is all that is lost.
  }
}

const draftKey = (user: string) => `mimir.draft.${user}`;
const historyKey = (user: string) => `mimir.history.${user}`;

/** The draft of this tab. */
export function readDraft(user: string): Draft | undefined {
  const found = read(sessionStorage, draftKey(user)) as Partial<Draft> | null;
  if (typeof found?.sql !== 'string' || typeof found.origin !== 'string') return undefined;
  const { saved } = found;
  return {
    sql: found.sql,
    target: isTarget(found.target) ? found.target : { type: 'all' },
    origin: found.origin,
    saved: typeof saved?.id === 'string' ? saved : undefined,
    edited: found.edited === true,
  };
}

/** Keeps the draft until the tab is closed. */
export function writeDraft(user: string, draft: Draft): void {
  write(sessionStorage, draftKey(user), draft);
}

/** Own runs, newest first. */
export function readHistory(user: string): Remembered[] {
  const found = read(localStorage, historyKey(user));
  if (!Array.isArray(found)) return [];
  return found.filter(
    (item: Partial<Remembered> | null): item is Remembered =>
      typeof item?.sql === 'string' && typeof item.at === 'number' && isTarget(item.target),
  );
}

/** The history with one more; the same statement for the same target stands in it once. */
export function withRemembered(history: readonly Remembered[], item: Remembered): Remembered[] {
  const same = ({ sql, target }: Remembered) =>
    sql.trim() === item.sql.trim() && JSON.stringify(target) === JSON.stringify(item.target);
  let chars = 0;
  return [item, ...history.filter((other) => !same(other))]
    .slice(0, HISTORY_MAX)
    .filter(({ sql, target }, place) => {
      chars += sql.length + JSON.stringify(target).length;
      return place === 0 || chars <= HISTORY_CHARS_MAX;
    });
}

/** Remembers something at the top. */
export function remember(user: string, item: Remembered): void {
  if (item.sql.trim() === '') return;
  write(localStorage, historyKey(user), withRemembered(readHistory(user), item));
}

/** Forgets everything that was remembered. */
export function forgetHistory(user: string): void {
  write(localStorage, historyKey(user), []);
}

/** What of an address a text begins with: nothing for a text of the reader's own. */
export function originOf(search: { saved?: string; sql?: string; text?: string }): string {
  if (search.saved) return `saved:${search.saved}`;
  if (search.text) return `text:${search.text}`;
  return search.sql ? `sql:${search.sql}` : '';
}

/** The target to begin with: the address says it, or the draft, or it is the fleet. */
export function firstTarget(search: { target?: string }, draft: Draft | undefined): Target {
  return readTarget(search.target) ?? draft?.target ?? { type: 'all' };
}
