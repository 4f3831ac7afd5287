// SPDX-License-Identifier: Apache-2.0
// What the target picker asks the server: hosts by name, chosen hosts by id, and counts.

import { useDebouncedValue } from '@mantine/hooks';
import { keepPreviousData, queryOptions, useQueries, useQuery } from '@tanstack/react-query';
import { http, unwrap } from '@/api/client';
import type { Host, Target } from '@/api/schema';
import { missing } from './target';

/** Hosts offered at once while searching. */
const FOUND_MAX = 30;
/** Chosen hosts whose names are looked up; more are told by number. */
export const NAMED_HOSTS_MAX = 50;
/** How often counts are read again, in milliseconds. */
const COUNT_MS = 10_000;

/** Hosts whose name, identifier or address has this text. */
export function useFoundHosts(text: string, enabled: boolean) {
  const [wanted] = useDebouncedValue(text.trim(), 200);
  return useQuery({
    queryKey: ['hosts', 'picker', wanted],
    enabled,
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) =>
      unwrap(
        http.GET('/hosts', {
          params: { query: { q: wanted || undefined, limit: FOUND_MAX } },
          signal,
        }),
      ),
  });
}

/** One host. */
export function hostQuery(id: string) {
  return queryOptions({
    queryKey: ['hosts', 'one', id],
    staleTime: 60_000,
    queryFn: ({ signal }) => unwrap(http.GET('/hosts/{id}', { params: { path: { id } }, signal })),
  });
}

/** The chosen hosts that are known by now. */
export function useChosenHosts(target: Target): Host[] {
  const ids = target.type === 'hosts' ? target.host_ids.slice(0, NAMED_HOSTS_MAX) : [];
  return useQueries({
    queries: ids.map((id) => hostQuery(id)),
    combine: (results) => results.flatMap(({ data }) => data ?? []),
  });
}

/** How many hosts a target names now, kept fresh. */
export function useTargetCount(target: Target) {
  const [settled] = useDebouncedValue(target, 150);
  return useQuery({
    queryKey: ['targets', 'count', settled],
    enabled: missing(settled) === undefined,
    refetchInterval: COUNT_MS,
    queryFn: ({ signal }) =>
      unwrap(http.POST('/targets/count', { body: { target: settled }, signal })),
  });
}
