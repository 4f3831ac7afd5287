// SPDX-License-Identifier: Apache-2.0
// The head of a campaign's page: what it is, where it stands, and what can be done to it.

import { Alert, Group, Stack, Text } from '@mantine/core';
import { IconArrowLeft } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { Campaign } from '@/api/schema';
import { settingsQuery } from '@/api/settings';
import { AnchorLink } from '@/components/links';
import { Moment } from '@/components/Moment';
import { CampaignStatusMark, KindBadge } from '@/components/marks';
import { Page } from '@/components/Page';
import { targetWords } from '@/components/target-words';
import { Untrusted } from '@/components/Untrusted';
import { excerpt } from '@/lib/untrusted';
import { CampaignMenu } from './CampaignMenu';
import { StopButton } from './StopButton';
import { inFlightWords } from './words';

/** Characters of a name that the heading shows. */
const NAME_CHARS = 160;

/** The link back to the list. */
export function BackLink() {
  return (
    <AnchorLink to="/campaigns" size="sm" style={{ alignSelf: 'flex-start' }}>
      <Group gap={4} component="span" display="inline-flex">
        <IconArrowLeft size={14} aria-hidden /> Campaigns
      </Group>
    </AnchorLink>
  );
}

/** The frame of the page with its heading. */
export function CampaignFrame({ campaign, children }: { campaign: Campaign; children: ReactNode }) {
  return (
    <Stack gap={4}>
      <BackLink />
      <Page
        title={excerpt(campaign.name, NAME_CHARS).text}
        lead={<Lead campaign={campaign} />}
        actions={
          <>
            {campaign.status === 'active' && <StopButton campaign={campaign} />}
            <CampaignMenu campaign={campaign} />
          </>
        }
      >
        {campaign.stopped_at && <Stopped campaign={campaign} />}
        {children}
      </Page>
    </Stack>
  );
}

function Lead({ campaign }: { campaign: Campaign }) {
  return (
    <Group gap="sm" mt={4} style={{ rowGap: 4 }}>
      <KindBadge kind={campaign.kind} />
      <Text span c="var(--mantine-color-text)" component="span">
        <CampaignStatusMark status={campaign.status} complete={campaign.complete} />
      </Text>
      <span>
        launched by <Untrusted text={campaign.created_by.username} max={60} />{' '}
        <Moment at={campaign.created_at} />
      </span>
      <span>target: {targetWords(campaign.target)}</span>
    </Group>
  );
}

/** When, by whom and why it was stopped. What stopped itself has a banner of its own. */
function Stopped({ campaign }: { campaign: Campaign }) {
  const settings = useQuery(settingsQuery);
  const { stopped_at, stopped_by, stop_reason, stop_code } = campaign;
  if (stop_code === 'auto_stopped_aggregate_row_cap') return null;
  return (
    <Alert color="gray" variant="light" title="This campaign is stopped">
      <Text size="sm">
        Stopped <Moment at={stopped_at} />
        {stopped_by && (
          <>
            {' '}
            by <Untrusted text={stopped_by.username} max={60} />
          </>
        )}
        . {inFlightWords(campaign, settings.data?.stop_grace_minutes)}
      </Text>
      <Text size="sm" mt={4} style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>
        <b>Reason:</b> {stop_reason ? stop_reason : 'none was given'}
      </Text>
    </Alert>
  );
}
