// SPDX-License-Identifier: Apache-2.0
// What can be done to a campaign after its launch.

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { http, unwrap } from '@/api/client';
import type { Campaign, StopRequest } from '@/api/schema';
import { campaignQuery, liveKey, refreshHosts } from './data';

/** One change. */
export type Change =
  | { action: 'stop'; body: StopRequest }
  | { action: 'archive' }
  | { action: 'unarchive' }
  | { action: 'drop-rows'; confirm: string };

function commit(id: string, change: Change): Promise<Campaign> {
  const params = { path: { id } };
  switch (change.action) {
    case 'stop':
      return unwrap(http.POST('/campaigns/{id}/stop', { params, body: change.body }));
    case 'archive':
      return unwrap(http.POST('/campaigns/{id}/archive', { params }));
    case 'unarchive':
      return unwrap(http.POST('/campaigns/{id}/unarchive', { params }));
    case 'drop-rows': {
      const body = { confirm: change.confirm };
      return unwrap(http.POST('/campaigns/{id}/drop-rows', { params, body }));
    }
  }
}

/** Changes a campaign; what the server answers is shown at once. */
export function useChange(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (change: Change) => commit(id, change),
    onSuccess: (campaign) => {
      client.setQueryData(campaignQuery(id).queryKey, campaign);
      // The stream may come with the same news only after this, when they are none any more: what
      // follows from the change is read again here.
      refreshHosts(client, id);
      void client.invalidateQueries({ queryKey: liveKey(id, 'curve') });
      if (campaign.rows_dropped) client.removeQueries({ queryKey: ['campaign', id, 'host'] });
      void client.invalidateQueries({ queryKey: ['campaigns'] });
    },
    // Somebody else was faster, perhaps: what is shown is read anew.
    onError: () => void client.invalidateQueries({ queryKey: campaignQuery(id).queryKey }),
  });
}
