// SPDX-License-Identifier: Apache-2.0
// The command palette: every page, and hosts and campaigns by name.

import { useDebouncedValue } from '@mantine/hooks';
import { createSpotlight, Spotlight, type SpotlightActionGroupData } from '@mantine/spotlight';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { http, unwrap } from '@/api/client';
import { useUser } from '@/api/session';
import { excerpt } from '@/lib/untrusted';
import { navigation } from './navigation';

const [store, palette] = createSpotlight();

/** Hosts and campaigns shown at once, each. */
const FOUND_MAX = 6;

function useFound(text: string) {
  const [wanted] = useDebouncedValue(text.trim(), 150);
  const enabled = wanted.length > 1;
  const hosts = useQuery({
    queryKey: ['palette', 'hosts', wanted],
    enabled,
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) =>
      unwrap(http.GET('/hosts', { params: { query: { q: wanted, limit: FOUND_MAX } }, signal })),
  });
  const campaigns = useQuery({
    queryKey: ['palette', 'campaigns', wanted],
    enabled,
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) =>
      unwrap(
        http.GET('/campaigns', { params: { query: { q: wanted, limit: FOUND_MAX } }, signal }),
      ),
  });
  return enabled
    ? { hosts: hosts.data?.items ?? [], campaigns: campaigns.data?.items ?? [] }
    : { hosts: [], campaigns: [] };
}

/** The palette, loaded when it is first asked for; opens whenever `asked` counts up. */
export default function Palette({ asked }: { asked: number }) {
  // biome-ignore lint/correctness/useExhaustiveDependencies: each count opens it anew
  useEffect(() => palette.open(), [asked]);
  const user = useUser();
  const navigate = useNavigate();
  const [text, setText] = useState('');
  const found = useFound(text);
  const wanted = text.trim().toLowerCase();
  const pages = navigation(user).filter(({ label }) => label.toLowerCase().includes(wanted));
  const groups: SpotlightActionGroupData[] = [
    {
      group: 'Pages',
      actions: pages.map(({ to, label, icon: Icon }) => ({
        id: `page ${to}`,
        label,
        leftSection: <Icon size={18} aria-hidden />,
        onClick: () => void navigate({ to: to as '/' }),
      })),
    },
    {
      group: 'Campaigns',
      actions: found.campaigns.map((campaign) => ({
        id: `campaign ${campaign.id}`,
        label: excerpt(campaign.name, 80).text,
        description: campaign.status,
        onClick: () =>
          void navigate({ to: '/campaigns/$campaignId', params: { campaignId: campaign.id } }),
      })),
    },
    {
      group: 'Hosts',
      actions: found.hosts.map((host) => ({
        id: `host ${host.id}`,
        label: excerpt(host.hostname || host.id, 80).text,
        description: `${host.status}, ${host.platform}`,
        onClick: () => void navigate({ to: '/hosts/$hostId', params: { hostId: host.id } }),
      })),
    },
  ];
  return (
    <Spotlight
      store={store}
      actions={groups.filter(({ actions }) => actions.length > 0)}
      query={text}
      onQueryChange={setText}
      filter={(_, actions) => actions}
      shortcut={null}
      nothingFound="Nothing has this name"
      searchProps={{
        placeholder: 'Page, host or campaign',
        'aria-label': 'Page, host or campaign',
      }}
      scrollable
    />
  );
}
