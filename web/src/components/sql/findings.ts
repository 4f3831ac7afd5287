// SPDX-License-Identifier: Apache-2.0
// Puts what the server says about a statement at the place in the text that it is about. Pure.

import type { QueryCheck } from '@/api/schema';
import type { SchemaIndex } from './schema-index';
import { namedTables } from './scope';
import { isName, type Token, tokens } from './tokens';

/** One remark about a piece of the text. */
export interface Finding {
  from: number;
  to: number;
  /** `error`: not acceptable; `blocked`: the deny-list refuses it; `warning`: worth knowing. */
  kind: 'error' | 'blocked' | 'warning';
  message: string;
}

/** The place in a text of the byte at `offset` of its UTF-8 form. */
export function charAt(text: string, offset: number): number {
  let bytes = 0;
  let at = 0;
  for (const char of text) {
    if (bytes >= offset) return at;
    const point = char.codePointAt(0) ?? 0;
    bytes += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    at += char.length;
  }
  return at;
}

/** All remarks, each at every place that it is about. */
export function findings(check: QueryCheck, sql: string, index?: SchemaIndex): Finding[] {
  const all = tokens(sql);
  const found: Finding[] = [];
  if (check.error) {
    const { from, to } = errorPlace(sql, all, check.error_offset);
    found.push({ from, to, kind: 'error', message: check.error });
  }
  for (const { table, reason } of check.blocked) {
    for (const token of placesOf(table, all, index)) {
      found.push({ from: token.from, to: token.to, kind: 'blocked', message: reason });
    }
  }
  for (const { table, message } of check.warnings) {
    const name = table ?? /`([^`]+)`/.exec(message)?.[1];
    const places = name ? placesOf(name, all, index).slice(0, 1) : all.slice(0, 1);
    for (const token of places) {
      found.push({ from: token.from, to: token.to, kind: 'warning', message });
    }
  }
  return found.sort((a, b) => a.from - b.from);
}

function errorPlace(
  sql: string,
  all: readonly Token[],
  offset: number | null | undefined,
): { from: number; to: number } {
  const at = offset == null ? 0 : charAt(sql, offset);
  const token = all.find(({ from, to }) => from <= at && at < to) ?? all.find((t) => t.from >= at);
  if (offset != null && token) return { from: token.from, to: token.to };
  if (offset == null && all.length > 0) return { from: all[0]?.from ?? 0, to: all.at(-1)?.to ?? 0 };
  // The text ends too early: the last token is what something should follow.
  const last = all.at(-1);
  return last ? { from: last.from, to: last.to } : { from: 0, to: sql.length };
}

/** Where a table, `table.column` or function stands; the first word when it is not written out. */
function placesOf(name: string, all: readonly Token[], index?: SchemaIndex): Token[] {
  const lower = name.toLowerCase();
  const dot = lower.indexOf('.');
  if (dot > 0) {
    const [table, column] = [lower.slice(0, dot), lower.slice(dot + 1)];
    const direct = all.filter((token) => isName(token) && token.name === column);
    if (direct.length > 0) return direct;
    // `SELECT *` reads it without naming it.
    const star = all.filter((token, at) => token.name === '*' && readsAll(all, at));
    if (star.length > 0) return star;
    return placesOf(table, all, index);
  }
  const names = new Set([lower, ...(index?.byName.get(lower)?.aliases ?? [])]);
  const named = namedTables(all).filter(({ table }) => names.has(table));
  const others = all.filter((token) => isName(token) && names.has(token.name));
  const places = named.length > 0 ? named.map(({ token }) => token) : others;
  return places.length > 0 ? places : all.slice(0, 1);
}

function readsAll(all: readonly Token[], at: number): boolean {
  const before = all[at - 1];
  const isAfterWord = before?.kind === 'word' && /^(select|distinct|all)$/.test(before.name);
  return isAfterWord || before?.name === '.' || before?.name === ',';
}
