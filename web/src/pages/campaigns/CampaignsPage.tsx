// SPDX-License-Identifier: Apache-2.0
// The list of campaigns.

import { Alert, Button, Center, Stack, Text } from '@mantine/core';
import { IconPlayerPause } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { settingsQuery } from '@/api/settings';
import { AnchorLink, ButtonLink } from '@/components/links';
import { Page } from '@/components/Page';
import { Empty, Failure, Loading } from '@/components/states';
import { count } from '@/lib/format';
import { CampaignTable } from './CampaignTable';
import { useCampaigns } from './data';
import { Filters } from './Filters';
import { FlagButton } from './FlagButton';

const route = getRouteApi('/campaigns');

/** The page. */
export default function CampaignsPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const settings = useQuery(settingsQuery);
  const enabled = settings.data?.offline_campaigns_enabled;
  return (
    <Page
      title="Campaigns"
      lead="Questions that wait for hosts that are offline, and everything they answered."
      actions={enabled !== undefined && <FlagButton enabled={enabled} />}
    >
      {enabled === false && <FlagBanner />}
      <Filters
        search={search}
        onChange={(next) => void navigate({ search: next, replace: true })}
      />
      <List />
    </Page>
  );
}

function FlagBanner() {
  return (
    <Alert color="yellow" icon={<IconPlayerPause />} title="Campaigns are disabled">
      Nothing can be launched, and nothing more is handed to hosts: what is pending waits. Answers
      on their way are still accepted.
    </Alert>
  );
}

function List() {
  const search = route.useSearch();
  const campaigns = useCampaigns(search);
  const isFiltered = Boolean(search.q || search.status || search.kind);
  if (!campaigns.data) {
    if (!campaigns.error) return <Loading lines={8} />;
    return <Failure error={campaigns.error} retry={() => void campaigns.refetch()} />;
  }
  const items = campaigns.data.pages.flatMap((page) => page.items);
  if (items.length === 0) return isFiltered ? <NothingMatches /> : <NoneYet />;
  const total = campaigns.data.pages[0]?.total;
  return (
    <Stack gap="sm">
      {campaigns.error && (
        <Failure error={campaigns.error} retry={() => void campaigns.refetch()} />
      )}
      <CampaignTable campaigns={items} />
      {campaigns.hasNextPage && (
        <Center>
          <Button
            variant="default"
            loading={campaigns.isFetchingNextPage}
            onClick={() => void campaigns.fetchNextPage()}
          >
            Show more
          </Button>
        </Center>
      )}
      <Text size="sm" c="dimmed">
        {typeof total === 'number' && total > items.length
          ? `Showing ${count(items.length)} of ${count(total)}.`
          : `${count(items.length)} shown.`}
        {!search.status && ' Archived campaigns are hidden.'}
      </Text>
    </Stack>
  );
}

function NothingMatches() {
  return (
    <Empty title="No campaign matches">
      Change the filters, or{' '}
      <AnchorLink to="/campaigns" search={{}}>
        show all
      </AnchorLink>
      .
    </Empty>
  );
}

function NoneYet() {
  return (
    <Empty title="No campaigns yet">
      <Stack align="center" gap="md">
        <Text>
          A campaign is a question that outlives the moment: it is written down for every host of
          its target, online or not. Hosts that are offline answer when they come back, and at any
          time you see who has answered, who has not, and why.
        </Text>
        <ButtonLink to="/queries">Write a query</ButtonLink>
      </Stack>
    </Empty>
  );
}
