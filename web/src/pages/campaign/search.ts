// SPDX-License-Identifier: Apache-2.0
// What the address of this page may hold.

import { type RawSearch, text } from '@/lib/search';

/** Filters and choices that the address keeps. */
export interface CampaignSearch {
  q?: string;
}

/** Reads them; what is broken is dropped. */
export function campaignSearch(raw: RawSearch): CampaignSearch {
  return { q: text(raw.q) };
}
