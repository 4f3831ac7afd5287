// SPDX-License-Identifier: Apache-2.0
// The dashboard: how the fleet is, what is running, what ran.

import { Alert, SimpleGrid, Skeleton, Text } from '@mantine/core';
import { IconPlayerPause } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import type { Campaign } from '@/api/schema';
import { settingsQuery } from '@/api/settings';
import { Section } from '@/components/Facts';
import { AnchorLink, ButtonLink } from '@/components/links';
import { Page } from '@/components/Page';
import { Failure, Loaded } from '@/components/states';
import { counted } from '@/lib/format';
import { CampaignRows } from './CampaignRows';
import { Doors } from './Doors';
import { activeQuery, recentQuery, summaryQuery } from './data';
import { FirstSteps } from './FirstSteps';

/** Whether it still has work to do or holds a slot. */
function isRunning(campaign: Campaign): boolean {
  return campaign.live || !campaign.complete;
}

/** The page. */
export default function DashboardPage() {
  const summary = useQuery(summaryQuery);
  return (
    <Page title="Dashboard">
      {summary.error && <Failure error={summary.error} retry={() => void summary.refetch()} />}
      {summary.data ? <Doors summary={summary.data} /> : !summary.error && <DoorsLoading />}
      <Start />
      <Running />
      <Recent />
    </Page>
  );
}

function DoorsLoading() {
  return (
    <SimpleGrid cols={{ base: 2, sm: 3, xl: 6 }} spacing="sm" aria-busy="true" aria-label="Loading">
      {['hosts', 'online', 'stale', 'offline', 'active', 'pending'].map((key) => (
        <Skeleton key={key} height={84} />
      ))}
    </SimpleGrid>
  );
}

/** The first steps while there are any left, or that campaigns are off. */
function Start() {
  const summary = useQuery(summaryQuery).data;
  const settings = useQuery(settingsQuery).data;
  const recent = useQuery(recentQuery).data;
  if (!summary || !settings || !recent) return null;
  const hasHosts = summary.total_hosts + summary.decommissioned > 0;
  const hasCampaigns = recent.items.length > 0;
  const isEnabled = settings.offline_campaigns_enabled;
  if (!hasHosts || !hasCampaigns) {
    return <FirstSteps hasHosts={hasHosts} isEnabled={isEnabled} hasCampaigns={hasCampaigns} />;
  }
  if (isEnabled) return null;
  return (
    <Alert
      color="yellow"
      icon={<IconPlayerPause />}
      title="Campaigns are disabled"
      className="prose"
    >
      Nothing can be launched, and what is pending waits. They are switched on the{' '}
      <AnchorLink to="/campaigns" inherit>
        Campaigns page
      </AnchorLink>
      .
    </Alert>
  );
}

function Running() {
  const active = useQuery(activeQuery);
  const recent = useQuery(recentQuery);
  // On a new server the first steps say all there is to say.
  if (recent.data?.items.length === 0) return null;
  return (
    <Section
      title="Running campaigns"
      actions={
        <ButtonLink to="/campaigns" search={{ status: 'active' }} size="xs" variant="default">
          All active
        </ButtonLink>
      }
    >
      <Loaded query={active} lines={3}>
        {({ items, next_cursor }) => {
          const running = items.filter(isRunning);
          if (running.length === 0) {
            return (
              <Text c="dimmed">
                Nothing is running: no campaign has hosts left that should answer, and no live
                window is open.
              </Text>
            );
          }
          return (
            <>
              <CampaignRows label="List of running campaigns" campaigns={running} />
              {next_cursor !== null && (
                <Text size="sm" c="dimmed" mt="xs">
                  Of the newest {counted(items.length, 'active campaign')}.
                </Text>
              )}
            </>
          );
        }}
      </Loaded>
    </Section>
  );
}

function Recent() {
  const recent = useQuery(recentQuery);
  // What is running stands above already.
  const items = recent.data?.items.filter((item) => item.status !== 'active' || !isRunning(item));
  if (items?.length === 0) return null;
  return (
    <Section
      title="Recent campaigns"
      actions={
        <ButtonLink to="/campaigns" size="xs" variant="default">
          All campaigns
        </ButtonLink>
      }
    >
      <Loaded query={recent} lines={3}>
        {() => <CampaignRows label="List of recent campaigns" campaigns={items ?? []} />}
      </Loaded>
    </Section>
  );
}
