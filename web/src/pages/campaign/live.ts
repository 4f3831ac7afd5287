// SPDX-License-Identifier: Apache-2.0
// Keeps the page of a campaign fresh by the stream of its events: head and counts are taken from
// the events themselves, lists are read again at their own pace.

import { type InfiniteData, type QueryClient, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { API } from '@/api/client';
import type { ApiProblem } from '@/api/problem';
import type { Campaign, CampaignHead, Coverage, RowPage } from '@/api/schema';
import type { StreamEvent } from '@/api/sse';
import { stream } from '@/api/stream';
import { campaignQuery, liveKey, type RowParams, refreshHosts, rowsPage } from './data';
import { Refresher } from './refresher';

/** Shortest time between two readings of the lists, in milliseconds. */
const LISTS_MS = 1_500;
/** The same for the completion curve, which looks at every answer. */
const CURVE_MS = 4_000;

/** The campaign with what an event says of it, or the same object when that is nothing new. */
export function withEvent(campaign: Campaign, { name, data }: StreamEvent): Campaign {
  if (name === 'status') return merged(campaign, JSON.parse(data) as CampaignHead);
  if (name === 'coverage') {
    return merged(campaign, { coverage: JSON.parse(data) as Coverage });
  }
  return campaign;
}

function merged(campaign: Campaign, news: Partial<CampaignHead>): Campaign {
  const next = { ...campaign, ...news };
  return JSON.stringify(next) === JSON.stringify(campaign) ? campaign : next;
}

/**
 * Rows come at the end: of a list in their order its last page is read again. Sorted ones are
 * marked as changed, because to sort anew costs the server a look at all rows.
 */
async function refreshRows(client: QueryClient, id: string, signal: AbortSignal): Promise<void> {
  const queryKey = liveKey(id, 'rows');
  for (const query of client.getQueryCache().findAll({ queryKey, type: 'active' })) {
    const params = query.queryKey.at(-1) as RowParams;
    const data = query.state.data as InfiniteData<RowPage, string | undefined> | undefined;
    const last = data?.pages.at(-1);
    if (!data || !last) continue;
    if (params.sort) {
      const { queryKey } = query;
      void client.invalidateQueries({ queryKey, exact: true, refetchType: 'none' });
    } else if (!last.next_cursor) {
      const page = await rowsPage(id, params, data.pageParams.at(-1), signal);
      client.setQueryData<typeof data>(query.queryKey, (now) =>
        now?.pages.at(-1) === last ? { ...now, pages: [...now.pages.slice(0, -1), page] } : now,
      );
    }
  }
}

/**
 * Follows a campaign that is loaded. Returns why the server refused the stream, if it did.
 */
export function useCampaignEvents(id: string, isLoaded: boolean): ApiProblem | undefined {
  const client = useQueryClient();
  const [refused, setRefused] = useState<ApiProblem>();
  useEffect(() => {
    if (!isLoaded) return;
    setRefused(undefined);
    const end = new AbortController();
    const [hosts, curve] = [liveKey(id, 'hosts'), liveKey(id, 'curve')];
    let growing = false;
    const growRows = () => {
      growing = true;
      // What fails now is tried again with the next event.
      refreshRows(client, id, end.signal)
        .catch(() => undefined)
        .finally(() => {
          growing = false;
        });
    };
    const rowsBusy = () => growing || client.isFetching({ queryKey: liveKey(id, 'rows') }) > 0;
    const pace = (isBusy: () => boolean, everyMs: number, refresh: () => void) =>
      new Refresher({ everyMs, isBusy, refresh });
    const hostsBusy = () => client.isFetching({ queryKey: hosts }) > 0;
    const curveBusy = () => client.isFetching({ queryKey: curve }) > 0;
    const refreshers = [
      pace(hostsBusy, LISTS_MS, () => refreshHosts(client, id)),
      pace(rowsBusy, LISTS_MS, growRows),
      pace(curveBusy, CURVE_MS, () => void client.invalidateQueries({ queryKey: curve })),
    ];
    const onEvents = (events: StreamEvent[]) => {
      const { queryKey } = campaignQuery(id);
      const before = client.getQueryData(queryKey);
      if (!before) return;
      const after = events.reduce(withEvent, before);
      if (after !== before) client.setQueryData(queryKey, after);
      const answered = events.some(({ name }) => name === 'response');
      if (answered || after !== before) for (const refresher of refreshers) refresher.mark();
    };
    const url = `${API}/campaigns/${encodeURIComponent(id)}/events?from=now`;
    const onRefused = (problem: ApiProblem) => {
      setRefused(problem);
      // Signed out meanwhile: the sign-in comes up, as it does for any other request.
      if (problem.status === 401) void client.invalidateQueries({ queryKey: ['session'] });
    };
    void stream({ url, onEvents, onRefused, signal: end.signal });
    return () => {
      end.abort();
      for (const refresher of refreshers) refresher.stop();
    };
  }, [id, isLoaded, client]);
  return refused;
}
