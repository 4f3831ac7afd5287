// SPDX-License-Identifier: Apache-2.0
// The runtime settings, which several pages read: the flag of campaigns, caps, grace times.

import { queryOptions } from '@tanstack/react-query';
import { http, unwrap } from './client';

/** All runtime settings. Another administrator may change them at any time. */
export const settingsQuery = queryOptions({
  queryKey: ['settings'],
  refetchInterval: 15_000,
  queryFn: ({ signal }) => unwrap(http.GET('/settings', { signal })),
});
