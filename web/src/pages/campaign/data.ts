// SPDX-License-Identifier: Apache-2.0
// What the page of a campaign reads. Everything that grows while hosts answer stands
// under `liveKey`, so that events can have it read again.

import {
  infiniteQueryOptions,
  keepPreviousData,
  type QueryClient,
  queryOptions,
} from '@tanstack/react-query';
import { http, unwrap } from '@/api/client';
import type { LedgerSearch, ResultsSearch } from './search';

/** Hosts fetched at once. */
const PAGE_HOSTS = 100;
/** Rows fetched at first, so that the page is there at once, and then at once. */
const FIRST_ROWS = 100;
const PAGE_ROWS = 500;
/** Points of the completion curve; the most that the server gives. */
const CURVE_POINTS = 200;
/** These are kept fresh by events, not by age. */
const BY_EVENTS = Number.POSITIVE_INFINITY;

/** The campaign itself; the stream of its events keeps it fresh. */
export function campaignQuery(id: string) {
  return queryOptions({
    queryKey: ['campaign', id, 'head'],
    staleTime: BY_EVENTS,
    refetchOnMount: 'always',
    queryFn: ({ signal }) =>
      unwrap(http.GET('/campaigns/{id}', { params: { path: { id } }, signal })),
  });
}

/** Lists that events have read again. */
export function liveKey(id: string, list?: 'curve' | 'hosts' | 'rows') {
  return ['campaign', id, 'live', ...(list ? [list] : [])];
}

/** A list of which more pages are loaded is not read again by itself; it says that it changed. */
export const PAGES_KEPT_MAX = 3;

/** How many pages of a list are loaded. */
export function pagesLoaded({ state }: { state: { data?: unknown } }): number {
  return (state.data as { pages?: unknown[] } | undefined)?.pages?.length ?? 0;
}

/** Has short lists of hosts read again, and marks long ones as changed. */
export function refreshHosts(client: QueryClient, id: string): void {
  for (const query of client.getQueryCache().findAll({ queryKey: liveKey(id, 'hosts') })) {
    const refetchType = pagesLoaded(query) <= PAGES_KEPT_MAX ? 'active' : 'none';
    void client.invalidateQueries({ queryKey: query.queryKey, exact: true, refetchType });
  }
}

/** What every paged list has in common. */
const paged = {
  initialPageParam: undefined as string | undefined,
  placeholderData: keepPreviousData,
  staleTime: BY_EVENTS,
  // Who comes back finds a short list read anew, and a long one as it was left.
  refetchOnMount: (query: { state: { data?: unknown } }) =>
    pagesLoaded(query) <= PAGES_KEPT_MAX ? ('always' as const) : false,
};

function next(page: { next_cursor: string | null }): string | undefined {
  return page.next_cursor ?? undefined;
}

/** Pending and offered hosts, oldest contact first. */
export function pendingQuery(id: string, q: string | undefined) {
  return infiniteQueryOptions({
    ...paged,
    queryKey: [...liveKey(id, 'hosts'), 'pending', { q }],
    queryFn: ({ pageParam: cursor, signal }) =>
      unwrap(
        http.GET('/campaigns/{id}/pending', {
          params: { path: { id }, query: { q, cursor, limit: PAGE_HOSTS } },
          signal,
        }),
      ),
    getNextPageParam: next,
  });
}

/** The ledger in order of name. */
export function ledgerQuery(id: string, { state, outcome, late, truncated, q }: LedgerSearch) {
  const filter = { state: state && [state], outcome, late, truncated, q };
  return infiniteQueryOptions({
    ...paged,
    queryKey: [...liveKey(id, 'hosts'), 'ledger', filter],
    queryFn: ({ pageParam: cursor, signal }) =>
      unwrap(
        http.GET('/campaigns/{id}/assignments', {
          params: { path: { id }, query: { ...filter, cursor, limit: PAGE_HOSTS } },
          signal,
        }),
      ),
    getNextPageParam: next,
  });
}

/** What hosts answered, newest first. */
export function responsesQuery(id: string, late: boolean | undefined, q: string | undefined) {
  return infiniteQueryOptions({
    ...paged,
    queryKey: [...liveKey(id, 'hosts'), 'responses', { late, q }],
    queryFn: ({ pageParam: cursor, signal }) =>
      unwrap(
        http.GET('/campaigns/{id}/responses', {
          params: { path: { id }, query: { late, q, cursor, limit: PAGE_HOSTS } },
          signal,
        }),
      ),
    getNextPageParam: next,
  });
}

/** What of a list of rows is wanted, as the server takes it. */
function rowParams({ sort, order, contains, where }: ResultsSearch) {
  return {
    sort,
    order: sort ? order : undefined,
    contains,
    where: where && Object.entries(where).map(([column, text]) => `${column}:${text}`),
  };
}

/** The conditions on rows as the server takes them. */
export type RowParams = ReturnType<typeof rowParams>;

/** One page of rows of all hosts. */
export function rowsPage(
  id: string,
  params: RowParams,
  cursor: string | undefined,
  signal: AbortSignal,
) {
  const query = { ...params, cursor, limit: cursor ? PAGE_ROWS : FIRST_ROWS };
  return unwrap(http.GET('/campaigns/{id}/rows', { params: { path: { id }, query }, signal }));
}

/** Rows of all hosts; in the order of commit unless sorted. */
export function rowsQuery(id: string, wanted: ResultsSearch) {
  const params = rowParams(wanted);
  return infiniteQueryOptions({
    ...paged,
    queryKey: [...liveKey(id, 'rows'), params],
    queryFn: ({ pageParam, signal }) => rowsPage(id, params, pageParam, signal),
    getNextPageParam: next,
  });
}

/** Rows of one host. What it answered does not change any more. */
export function hostRowsQuery(id: string, host: string, wanted: ResultsSearch) {
  const params = rowParams(wanted);
  return infiniteQueryOptions({
    ...paged,
    queryKey: ['campaign', id, 'host', host, 'rows', params],
    queryFn: ({ pageParam: cursor, signal }) =>
      unwrap(
        http.GET('/campaigns/{id}/responses/{host_id}/rows', {
          params: {
            path: { id, host_id: host },
            query: { ...params, cursor, limit: cursor ? PAGE_ROWS : FIRST_ROWS },
          },
          signal,
        }),
      ),
    getNextPageParam: next,
  });
}

/** How the hosts answered over time. */
export function completionQuery(id: string) {
  return queryOptions({
    queryKey: liveKey(id, 'curve'),
    staleTime: BY_EVENTS,
    refetchOnMount: 'always',
    queryFn: ({ signal }) =>
      unwrap(
        http.GET('/campaigns/{id}/completion', {
          params: { path: { id }, query: { points: CURVE_POINTS } },
          signal,
        }),
      ),
  });
}

/** Most hosts of one name that are looked through for the one that is meant. */
const SAME_NAME_MAX = 500;

/** Where one host stands in the ledger, and its answer's details once there is one. */
export function hostQuery(id: string, host: string) {
  return queryOptions({
    queryKey: [...liveKey(id, 'hosts'), 'one', host],
    staleTime: BY_EVENTS,
    refetchOnMount: 'always',
    queryFn: async ({ signal }) => {
      const path = { id: host };
      const { hostname } = await unwrap(http.GET('/hosts/{id}', { params: { path }, signal }));
      const query = { q: hostname || undefined, limit: SAME_NAME_MAX };
      const params = { path: { id }, query };
      const [ledger, answers] = await Promise.all([
        unwrap(http.GET('/campaigns/{id}/assignments', { params, signal })),
        unwrap(http.GET('/campaigns/{id}/responses', { params, signal })),
      ]);
      return {
        hostname,
        assignment: ledger.items.find((item) => item.host_id === host),
        response: answers.items.find((item) => item.host_id === host),
      };
    },
  });
}
