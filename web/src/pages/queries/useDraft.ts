// SPDX-License-Identifier: Apache-2.0
// The text and the target that the editor holds: begun by the address, by a saved query or by what
// was unsaved, kept over a reload, and never lost to another text without standing in the history.

import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { SavedQuery, Target } from '@/api/schema';
import { useUser } from '@/api/session';
import { takeOver } from '@/components/sql/handover';
import { readTarget, writeTarget } from '@/components/target/target';
import { savedQuery } from './data';
import type { QueriesSearch } from './search';
import { type Draft, firstTarget, originOf, readDraft, remember, writeDraft } from './storage';

/** Pause after which the draft is written, in milliseconds. */
const WRITE_MS = 250;

/** What the address alone begins with; nothing while a saved query has still to be read. */
function arrival(search: QueriesSearch): Pick<Draft, 'sql' | 'origin'> | undefined {
  const origin = originOf(search);
  if (origin === '' || search.saved) return undefined;
  return { origin, sql: search.text ? (takeOver(search.text) ?? '') : (search.sql ?? '') };
}

function begin(search: QueriesSearch, user: string): Draft {
  const stored = readDraft(user);
  const target = firstTarget(search, stored);
  const origin = originOf(search);
  if (stored && (origin === '' || origin === stored.origin)) return { ...stored, target };
  if (stored?.edited) remember(user, { ...stored, kind: 'unsaved', at: Date.now() });
  return { sql: '', origin: '', target, edited: false, ...arrival(search) };
}

/** The draft, and every way in which it changes. */
export function useDraft() {
  const user = useUser().id;
  const search = useSearch({ from: '/queries' });
  const navigate = useNavigate({ from: '/queries' });
  const [draft, setDraft] = useState(() => begin(search, user));
  const latest = useRef(draft);
  latest.current = draft;
  const saved = useQuery({ ...savedQuery(search.saved ?? ''), enabled: Boolean(search.saved) });
  useKept(user, draft);

  /** Another text takes the place of this one. */
  const replace = useCallback(
    (next: Partial<Draft>) => {
      const before = latest.current;
      if (before.edited && before.sql !== next.sql) {
        remember(user, { ...before, kind: 'unsaved', at: Date.now() });
      }
      setDraft({ ...before, saved: undefined, edited: false, ...next });
    },
    [user],
  );

  const origin = originOf(search);
  const loaded = saved.data;
  // What the address names takes the editor once; from then on the text is the reader's.
  useEffect(() => {
    const { current } = latest;
    if (origin === '' || origin === current.origin) return;
    if (search.saved) {
      if (loaded?.id === search.saved) replace(fromSaved(loaded));
    } else replace(arrival(search) ?? {});
  }, [origin, loaded, search, replace]);

  // The way back by the navigation: the address is told what the draft belongs to, and its target.
  const words = search.target;
  useEffect(() => {
    const { saved: belongs, target } = latest.current;
    const id = origin === '' ? belongs?.id : undefined;
    const whom = words === undefined && target.type !== 'all' ? writeTarget(target) : words;
    if (!id && whom === words) return;
    void navigate({
      resetScroll: false,
      search: (now) => ({ ...now, target: whom, ...(id ? { saved: id } : {}) }),
      replace: true,
    });
  }, [origin, words, navigate]);

  // The address may also change by hand, by a link or by the way back.
  useEffect(() => {
    const target = readTarget(words);
    if (target && words !== writeTarget(latest.current.target)) {
      setDraft((now) => ({ ...now, target }));
    }
  }, [words]);

  const actions = useMemo(
    () => ({
      setSql: (sql: string) =>
        setDraft((now) => (now.sql === sql ? now : { ...now, sql, edited: true })),
      setTarget: (target: Target) => {
        setDraft((now) => ({ ...now, target }));
        const next = writeTarget(target);
        void navigate({
          resetScroll: false,
          search: (now) => ({ ...now, target: next }),
          replace: true,
        });
      },
      /** Shows a saved query as it is saved. */
      open: (query: SavedQuery) => {
        replace(fromSaved(query));
        void navigate({
          resetScroll: false,
          search: (now) => ({ ...now, saved: query.id, sql: undefined, text: undefined }),
        });
      },
      /** A text that belongs to no saved query. */
      start: (sql: string, target?: Target) => {
        replace({ sql, origin: '', ...(target ? { target } : {}) });
        const { q, live, launch } = search;
        const next = target ? writeTarget(target) : search.target;
        void navigate({ resetScroll: false, search: { q, live, launch, target: next } });
      },
      /** The text is the saved query's now. */
      settled: (query: SavedQuery) => {
        setDraft((now) => ({
          ...now,
          ...fromSaved(query),
          sql: now.sql,
          edited: now.sql !== query.sql,
        }));
        void navigate({
          resetScroll: false,
          search: (now) => ({ ...now, saved: query.id, sql: undefined, text: undefined }),
          replace: true,
        });
      },
    }),
    [navigate, replace, search],
  );

  return {
    draft,
    /** The saved query that is open, as the server has it. */
    saved: search.saved ? saved : undefined,
    isLoading: Boolean(search.saved) && draft.origin !== origin && saved.isPending,
    isLost: Boolean(search.text) && draft.origin === origin && draft.sql === '' && !draft.edited,
    ...actions,
  };
}

function fromSaved(query: SavedQuery): Partial<Draft> {
  return {
    sql: query.sql,
    origin: `saved:${query.id}`,
    saved: { id: query.id, version: query.version },
    edited: false,
  };
}

/** Writes the draft a moment after it changed, and when the page is left. */
function useKept(user: string, draft: Draft): void {
  const latest = useRef(draft);
  latest.current = draft;
  // biome-ignore lint/correctness/useExhaustiveDependencies: each new draft sets the clock anew
  useEffect(() => {
    const timer = setTimeout(() => writeDraft(user, latest.current), WRITE_MS);
    return () => clearTimeout(timer);
  }, [user, draft]);
  useEffect(() => {
    const flush = () => writeDraft(user, latest.current);
    window.addEventListener('pagehide', flush);
    return () => {
      window.removeEventListener('pagehide', flush);
      flush();
    };
  }, [user]);
}
