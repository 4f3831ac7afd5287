// SPDX-License-Identifier: Apache-2.0
// Keeps the page of a campaign fresh by the stream of its events: head and counts are taken from
// the events themselves, lists are read again at their own pace.

import { type Query, type QueryClient, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { API } from '@/api/client';
import type { ApiProblem } from '@/api/problem';
import type { Campaign, CampaignHead, Coverage } from '@/api/schema';
import type { StreamEvent } from '@/api/sse';
import { stream } from '@/api/stream';
import { campaignQuery, liveKey } from './data';
import { Refresher } from './refresher';

/** Shortest time between two readings of the lists, in milliseconds. */
const LISTS_MS = 1_500;
/** The same for the completion curve, which looks at every answer. */
const CURVE_MS = 4_000;
/** A list of which more pages are loaded is not read again by itself; it says that it changed. */
const PAGES_MAX = 3;

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

/** Pages of a list, as far as it is loaded. */
interface Loaded {
  pages: { next_cursor: string | null }[];
}

/** Whether a list shows something that may have changed, and whether it is short. */
function isTouched(query: Query): { changed: boolean; short: boolean } {
  const pages = (query.state.data as Partial<Loaded> | undefined)?.pages ?? [];
  const wanted = query.queryKey.at(-1) as { sort?: string } | undefined;
  const isRows = query.queryKey[3] === 'rows';
  const isSorted = isRows && wanted?.sort !== undefined;
  // Rows come at the end: what stands before it is as it was. To sort anew costs the server much.
  const changed = !isRows || isSorted || !pages.at(-1)?.next_cursor;
  return { changed, short: pages.length <= PAGES_MAX && !isSorted };
}

/** Has short lists read again, and marks the others as changed. */
function refreshLists(client: QueryClient, queryKey: readonly unknown[]): void {
  for (const query of client.getQueryCache().findAll({ queryKey })) {
    const { changed, short } = isTouched(query);
    if (!changed) continue;
    const refetchType = short ? 'active' : 'none';
    void client.invalidateQueries({ queryKey: query.queryKey, exact: true, refetchType });
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
    const [hosts, rows, curve] = [liveKey(id, 'hosts'), liveKey(id, 'rows'), liveKey(id, 'curve')];
    const pace = (queryKey: readonly unknown[], everyMs: number, refresh: () => void) =>
      new Refresher({ everyMs, isBusy: () => client.isFetching({ queryKey }) > 0, refresh });
    const refreshers = [
      pace(hosts, LISTS_MS, () => refreshLists(client, hosts)),
      pace(rows, LISTS_MS, () => refreshLists(client, rows)),
      pace(curve, CURVE_MS, () => void client.invalidateQueries({ queryKey: curve })),
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
    void stream({ url, onEvents, onRefused: setRefused, signal: end.signal });
    return () => {
      end.abort();
      for (const refresher of refreshers) refresher.stop();
    };
  }, [id, isLoaded, client]);
  return refused;
}
