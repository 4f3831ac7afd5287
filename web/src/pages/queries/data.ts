// SPDX-License-Identifier: Apache-2.0
// What the page reads and changes: saved queries with their versions, and live queries to start.

import {
  keepPreviousData,
  queryOptions,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query';
import { http, unwrap } from '@/api/client';
import type { LiveStarted, NewSavedQuery, QueryRequest, SavedQuery } from '@/api/schema';

/** Saved queries fetched at once. */
const PAGE_QUERIES = 100;
/** How often the list is read again while it is looked at, in milliseconds. */
const REFRESH_MS = 15_000;

/** Saved queries in order of name. */
export function useSavedQueries(q: string | undefined) {
  return useInfiniteQuery({
    queryKey: ['saved-queries', 'list', q ?? ''],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      unwrap(
        http.GET('/saved-queries', {
          params: { query: { q, cursor: pageParam, limit: PAGE_QUERIES } },
          signal,
        }),
      ),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
    refetchInterval: REFRESH_MS,
  });
}

/** One saved query. */
export function savedQuery(id: string) {
  return queryOptions({
    queryKey: ['saved-queries', 'one', id],
    queryFn: ({ signal }) =>
      unwrap(http.GET('/saved-queries/{id}', { params: { path: { id } }, signal })),
  });
}

/** Every text a saved query ever had, newest first. */
export function useVersions(id: string | undefined) {
  return useQuery({
    queryKey: ['saved-queries', 'versions', id],
    enabled: id !== undefined,
    queryFn: ({ signal }) =>
      unwrap(
        http.GET('/saved-queries/{id}/versions', { params: { path: { id: id ?? '' } }, signal }),
      ),
  });
}

/** Somebody else saved another version meanwhile. */
export class Overtaken extends Error {
  constructor(readonly current: SavedQuery) {
    super('Somebody saved another version meanwhile.');
  }
}

/** What is to be saved: a new one without `id`; with `version`, only over that version. */
export interface SaveRequest {
  id?: string;
  version?: number;
  body: NewSavedQuery;
}

/** Creates or replaces a saved query. */
export function useSave() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async ({ id, version, body }: SaveRequest) => {
      if (!id) return unwrap(http.POST('/saved-queries', { body }));
      if (version !== undefined) {
        const current = await client.fetchQuery({ ...savedQuery(id), staleTime: 0 });
        if (current.version !== version) throw new Overtaken(current);
      }
      return unwrap(http.PUT('/saved-queries/{id}', { params: { path: { id } }, body }));
    },
    onSuccess: (query) => {
      client.setQueryData(savedQuery(query.id).queryKey, query);
      void client.invalidateQueries({ queryKey: ['saved-queries', 'list'] });
      void client.invalidateQueries({ queryKey: ['saved-queries', 'versions', query.id] });
    },
  });
}

/** Deletes a saved query; its versions and its campaigns stay. */
export function useDelete() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ id }: SavedQuery) =>
      unwrap(http.DELETE('/saved-queries/{id}', { params: { path: { id } } })),
    onSuccess: (_, { id }) => {
      client.removeQueries({ queryKey: ['saved-queries', 'one', id] });
      void client.invalidateQueries({ queryKey: ['saved-queries', 'list'] });
    },
  });
}

/** Starts a live query. `onStarted` is told also when the page has forgotten the request by then. */
export function useRunLive(onStarted: (started: LiveStarted, asked: QueryRequest) => void) {
  return useMutation({
    mutationFn: (body: QueryRequest) => unwrap(http.POST('/queries/run', { body })),
    onSuccess: onStarted,
  });
}
