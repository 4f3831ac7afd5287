// SPDX-License-Identifier: Apache-2.0
// What the addresses of the list of hosts and of one host may hold.

import type { HostStatus, Platform } from '@/api/schema';
import { type PageSearch, pageSearch } from '@/components/Pager';
import { oneOf, type RawSearch, text } from '@/lib/search';

/** In the order in which they are offered. */
export const STATUSES: readonly HostStatus[] = ['online', 'stale', 'offline', 'decommissioned'];
/** osquery's platforms. */
export const PLATFORMS: readonly Platform[] = ['linux', 'darwin', 'windows'];

/** What narrows the list. */
export interface HostFilters {
  q?: string;
  status?: HostStatus;
  platform?: Platform;
}

/** By what the list may be ordered; by name without it. */
export interface HostOrder {
  sort?: 'last_seen' | 'enrolled';
  order?: 'desc';
}

/** Filters of the list, its order, and where in it one is. */
export type HostsSearch = HostFilters & HostOrder & PageSearch;

/** Reads them; what is broken is dropped. */
export function hostsSearch(raw: RawSearch): HostsSearch {
  return {
    q: text(raw.q),
    status: oneOf(raw.status, STATUSES),
    platform: oneOf(raw.platform, PLATFORMS),
    sort: oneOf(raw.sort, ['last_seen', 'enrolled'] as const),
    order: oneOf(raw.order, ['desc'] as const),
    ...pageSearch(raw),
  };
}

/** Choices on a host's page. */
export type HostSearch = Record<string, never>;

/** Reads them; what is broken is dropped. */
export function hostSearch(_: RawSearch): HostSearch {
  return {};
}
