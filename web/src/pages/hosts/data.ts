// SPDX-License-Identifier: Apache-2.0
// What the pages of hosts read and change.

import {
  keepPreviousData,
  queryOptions,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query';
import { http, unwrap } from '@/api/client';
import type { HostFilters, HostsSearch } from './search';

/** Hosts of a page. */
export const PAGE_HOSTS = 100;
/** Campaigns of a host fetched at once. */
const PAGE_CAMPAIGNS = 25;
/** How often what is looked at is read again, in milliseconds. */
const REFRESH_MS = 5_000;

/** One page of hosts. */
export function hostsQuery({ q, status, platform, sort, order, after }: HostsSearch) {
  return queryOptions({
    queryKey: ['hosts', 'list', { q, status, platform, sort, order, after }],
    queryFn: ({ signal }) =>
      unwrap(
        http.GET('/hosts', {
          params: { query: { q, status, platform, sort, order, cursor: after, limit: PAGE_HOSTS } },
          signal,
        }),
      ),
    placeholderData: keepPreviousData,
    refetchInterval: REFRESH_MS,
  });
}

/** How many hosts of each status fit the other filters; `undefined` until that is known. */
export function useHostCounts({ q, platform }: HostFilters) {
  const { data } = useQuery({
    queryKey: ['hosts', 'counts', { q, platform }],
    queryFn: ({ signal }) =>
      unwrap(http.GET('/hosts/counts', { params: { query: { q, platform } }, signal })),
    placeholderData: keepPreviousData,
    refetchInterval: REFRESH_MS,
  });
  return data;
}

/** One host. */
export function hostQuery(id: string) {
  return queryOptions({
    queryKey: ['hosts', 'one', id],
    queryFn: ({ signal }) => unwrap(http.GET('/hosts/{id}', { params: { path: { id } }, signal })),
    refetchInterval: REFRESH_MS,
  });
}

/** What a host was asked and answered, newest first. */
export function useHostCampaigns(id: string) {
  return useInfiniteQuery({
    queryKey: ['hosts', 'campaigns', id],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      unwrap(
        http.GET('/hosts/{id}/campaigns', {
          params: { path: { id }, query: { cursor: pageParam, limit: PAGE_CAMPAIGNS } },
          signal,
        }),
      ),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    refetchInterval: REFRESH_MS,
  });
}

/** Cuts a host off. */
export function useDecommission(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (blockReenrollment: boolean) =>
      unwrap(
        http.POST('/hosts/{id}/decommission', {
          params: { path: { id } },
          body: { block_reenrollment: blockReenrollment },
        }),
      ),
    onSuccess: (host) => {
      client.setQueryData(hostQuery(id).queryKey, host);
      void client.invalidateQueries({ queryKey: ['hosts'] });
      void client.invalidateQueries({ queryKey: ['dashboard'] });
    },
  });
}
