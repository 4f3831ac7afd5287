// SPDX-License-Identifier: Apache-2.0
// Reading and changing what the address of a campaign's page holds.

import { getRouteApi } from '@tanstack/react-router';
import { useCallback } from 'react';
import type { CampaignSearch } from './search';

const route = getRouteApi('/campaigns/$campaignId');

/** The id in the address. */
export function useCampaignId(): string {
  return route.useParams().campaignId;
}

/** What the address holds, and a way to change some of it that leaves the page where it is. */
export function useCampaignSearch() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const change = useCallback(
    (next: Partial<CampaignSearch>, options?: { push?: boolean }) =>
      void navigate({
        search: (before) => ({ ...before, ...next }),
        replace: !options?.push,
        resetScroll: false,
      }),
    [navigate],
  );
  return [search, change] as const;
}
