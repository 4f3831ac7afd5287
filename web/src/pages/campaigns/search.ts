// SPDX-License-Identifier: Apache-2.0
// What the address of this page may hold.

import { type RawSearch, text } from '@/lib/search';

/** Filters and choices that the address keeps. */
export interface CampaignsSearch {
  q?: string;
}

/** Reads them; what is broken is dropped. */
export function campaignsSearch(raw: RawSearch): CampaignsSearch {
  return { q: text(raw.q) };
}
