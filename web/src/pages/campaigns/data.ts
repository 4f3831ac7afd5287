// SPDX-License-Identifier: Apache-2.0
// What the list of campaigns reads and changes.

import {
  keepPreviousData,
  useInfiniteQuery,
  useMutation,
  useQueryClient,
} from '@tanstack/react-query';
import { http, unwrap } from '@/api/client';
import { settingsQuery } from '@/api/settings';
import type { CampaignsSearch } from './search';

/** Campaigns fetched at once. */
const PAGE_CAMPAIGNS = 100;
/** How often the list is read again while it is looked at, in milliseconds. */
const REFRESH_MS = 3_000;

/** Campaigns, newest first; what is loaded is kept fresh while the page is looked at. */
export function useCampaigns({ q, status, kind }: CampaignsSearch) {
  return useInfiniteQuery({
    queryKey: ['campaigns', 'list', { q, status, kind }],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      unwrap(
        http.GET('/campaigns', {
          params: { query: { q, status, kind, cursor: pageParam, limit: PAGE_CAMPAIGNS } },
          signal,
        }),
      ),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
    refetchInterval: REFRESH_MS,
  });
}

/** Turns campaigns on or off for everybody. */
export function useFlagChange() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (enabled: boolean) =>
      unwrap(http.PATCH('/settings', { body: { offline_campaigns_enabled: enabled } as never })),
    onSuccess: (settings) => client.setQueryData(settingsQuery.queryKey, settings),
  });
}
