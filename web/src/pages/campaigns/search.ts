// SPDX-License-Identifier: Apache-2.0
// What the address of the list of campaigns may hold.

import type { CampaignKind, CampaignStatus } from '@/api/schema';
import { oneOf, type RawSearch, text } from '@/lib/search';

/** The filters. Without `status` all but archived campaigns are listed. */
export interface CampaignsSearch {
  q?: string;
  status?: CampaignStatus;
  kind?: CampaignKind;
}

/** Reads them; what is broken is dropped. */
export function campaignsSearch(raw: RawSearch): CampaignsSearch {
  return {
    q: text(raw.q),
    status: oneOf(raw.status, ['active', 'stopped', 'archived'] as const),
    kind: oneOf(raw.kind, ['osquery', 'ioc_hunt'] as const),
  };
}
