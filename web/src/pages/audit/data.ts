// SPDX-License-Identifier: Apache-2.0
// What the page of the audit trail reads.

import { keepPreviousData, queryOptions, useMutation } from '@tanstack/react-query';
import { http, unwrap } from '@/api/client';
import type { AuditEntry, PageAuditEntry } from '@/api/schema';
import type { AuditSearch } from './search';

/** Entries of a page. */
export const PAGE_ENTRIES = 50;
/** Entries fetched at once while one of them is looked for. */
const SEARCH_ENTRIES = 500;
/** Entries shown above an entry that was looked for. */
const NEIGHBOURS = 5;
/** How often the newest entries are read again, in milliseconds. */
const REFRESH_MS = 10_000;

function page(search: AuditSearch, limit: number, signal: AbortSignal): Promise<PageAuditEntry> {
  const { actor, action, from, to, after } = search;
  const query = { actor, action, from, to, cursor: after, limit };
  return unwrap(http.GET('/audit', { params: { query }, signal }));
}

/** Entries, newest first. */
export function entriesQuery({ actor, action, from, to, after }: AuditSearch) {
  const search = { actor, action, from, to, after };
  return queryOptions({
    queryKey: ['audit', 'list', search],
    queryFn: ({ signal }) => page(search, PAGE_ENTRIES, signal),
    placeholderData: keepPreviousData,
    // Older pages do not change.
    refetchInterval: after ? false : REFRESH_MS,
  });
}

/** An entry and those around it, found by walking from the newest; empty when there is none. */
export function entryQuery(id: string) {
  return queryOptions({
    queryKey: ['audit', 'entry', id],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async ({ signal }): Promise<AuditEntry[]> => {
      let before: AuditEntry[] = [];
      let after: string | undefined;
      do {
        const { items, next_cursor } = await page({ after }, SEARCH_ENTRIES, signal);
        const known = [...before, ...items];
        const at = known.findIndex((entry) => entry.id === id);
        if (at >= 0) return known.slice(Math.max(0, at - NEIGHBOURS), at + PAGE_ENTRIES);
        before = items.slice(-NEIGHBOURS);
        after = next_cursor ?? undefined;
      } while (after !== undefined);
      return [];
    },
  });
}

/** Walks the whole chain of hashes on the server. */
export function useVerify() {
  return useMutation({ mutationFn: () => unwrap(http.GET('/audit/verify')) });
}
