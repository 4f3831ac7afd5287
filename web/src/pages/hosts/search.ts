// SPDX-License-Identifier: Apache-2.0
// What the addresses of the list of hosts and of one host may hold.

import { type RawSearch, text } from '@/lib/search';

/** Filters of the list. */
export interface HostsSearch {
  q?: string;
}

/** Reads them; what is broken is dropped. */
export function hostsSearch(raw: RawSearch): HostsSearch {
  return { q: text(raw.q) };
}

/** Choices on a host's page. */
export type HostSearch = Record<string, never>;

/** Reads them; what is broken is dropped. */
export function hostSearch(_: RawSearch): HostSearch {
  return {};
}
