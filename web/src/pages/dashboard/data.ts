// SPDX-License-Identifier: Apache-2.0
// What the dashboard reads; it reads again by itself.

import { queryOptions } from '@tanstack/react-query';
import { http, unwrap } from '@/api/client';

/** How often counts and campaigns are read again, in milliseconds. */
const REFRESH_MS = 5_000;
/** Active campaigns looked through for running ones. */
const ACTIVE_CAMPAIGNS = 50;
/** Newest campaigns shown. */
const RECENT_CAMPAIGNS = 10;

/** Counts of hosts and of work under way. */
export const summaryQuery = queryOptions({
  queryKey: ['dashboard', 'summary'],
  queryFn: ({ signal }) => unwrap(http.GET('/dashboard/summary', { signal })),
  refetchInterval: REFRESH_MS,
});

/** The newest active campaigns. */
export const activeQuery = queryOptions({
  queryKey: ['campaigns', 'active'],
  queryFn: ({ signal }) =>
    unwrap(
      http.GET('/campaigns', {
        params: { query: { status: 'active', limit: ACTIVE_CAMPAIGNS } },
        signal,
      }),
    ),
  refetchInterval: REFRESH_MS,
});

/** The newest campaigns, whatever became of them. */
export const recentQuery = queryOptions({
  queryKey: ['campaigns', 'recent'],
  queryFn: ({ signal }) =>
    unwrap(http.GET('/campaigns', { params: { query: { limit: RECENT_CAMPAIGNS } }, signal })),
  refetchInterval: REFRESH_MS,
});
