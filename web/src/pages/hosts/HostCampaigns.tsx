// SPDX-License-Identifier: Apache-2.0
// What one host was asked, and what it answered.

import { Badge, Button, Center, Group, Stack, Table, Text } from '@mantine/core';
import type { HostCampaign } from '@/api/schema';
import { AnchorLink } from '@/components/links';
import { Moment } from '@/components/Moment';
import { CampaignStatusMark, KindBadge, StateMark } from '@/components/marks';
import { Empty, Failure, Loading } from '@/components/states';
import { TableRegion } from '@/components/TableRegion';
import { Untrusted } from '@/components/Untrusted';
import { count } from '@/lib/format';
import { useHostCampaigns } from './data';

/** The list, newest first. */
export function HostCampaigns({ hostId }: { hostId: string }) {
  const campaigns = useHostCampaigns(hostId);
  if (!campaigns.data) {
    if (!campaigns.error) return <Loading lines={4} />;
    return <Failure error={campaigns.error} retry={() => void campaigns.refetch()} />;
  }
  const items = campaigns.data.pages.flatMap((page) => page.items);
  if (items.length === 0 && !campaigns.hasNextPage) {
    return (
      <Empty title="Not asked yet">
        No campaign has targeted this host. Campaigns ask the hosts that are enrolled when they are
        launched.
      </Empty>
    );
  }
  return (
    <Stack gap="sm">
      {campaigns.error && (
        <Failure error={campaigns.error} retry={() => void campaigns.refetch()} />
      )}
      <TableRegion label="Campaigns of this host" minWidth={860}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Campaign</Table.Th>
            <Table.Th>Kind</Table.Th>
            <Table.Th>Launched</Table.Th>
            <Table.Th>State</Table.Th>
            <Table.Th>Answer</Table.Th>
            <Table.Th>Answered</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {items.map((item) => (
            <Row key={item.campaign.id} item={item} hostId={hostId} />
          ))}
        </Table.Tbody>
      </TableRegion>
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
    </Stack>
  );
}

function Row({ item, hostId }: { item: HostCampaign; hostId: string }) {
  const { campaign } = item;
  return (
    <Table.Tr>
      <Table.Td maw={340} style={{ overflowWrap: 'anywhere' }}>
        <AnchorLink
          to="/campaigns/$campaignId"
          params={{ campaignId: campaign.id }}
          inherit
          fw={500}
        >
          <Untrusted text={campaign.name} max={120} />
        </AnchorLink>
        <Text size="xs" c="dimmed" component="div">
          <CampaignStatusMark status={campaign.status} complete={false} />
        </Text>
      </Table.Td>
      <Table.Td>
        <KindBadge kind={campaign.kind} />
      </Table.Td>
      <Table.Td style={{ whiteSpace: 'nowrap' }}>
        <Moment at={campaign.created_at} />
      </Table.Td>
      <Table.Td>
        <StateMark state={item.state} />
        <Why item={item} />
      </Table.Td>
      <Table.Td>
        <Answer item={item} hostId={hostId} />
      </Table.Td>
      <Table.Td style={{ whiteSpace: 'nowrap' }}>
        <Moment at={item.responded_at} />
      </Table.Td>
    </Table.Tr>
  );
}

function Why({ item: { state, attempts, reason } }: { item: HostCampaign }) {
  const offers = (state === 'offered' || state === 'lost') && `offered ${attempts} of 3 times`;
  if (!offers && !reason) return null;
  return (
    <Text size="xs" c="dimmed">
      {[offers, reason].filter(Boolean).join(', ')}
    </Text>
  );
}

function Answer({ item, hostId }: { item: HostCampaign; hostId: string }) {
  const { campaign, outcome } = item;
  if (!outcome) return '–';
  return (
    <Stack gap={4} align="flex-start">
      <Group gap={6}>
        {outcome === 'rows' ? (
          <AnchorLink
            to="/campaigns/$campaignId"
            params={{ campaignId: campaign.id }}
            search={{ host: hostId }}
            inherit
          >
            View {count(item.stored_rows)} {item.stored_rows === 1 ? 'row' : 'rows'}
          </AnchorLink>
        ) : (
          <span>{{ empty: 'no rows', error: 'error', denylisted: 'denylisted' }[outcome]}</span>
        )}
        {item.late && (
          <Badge size="sm" color="red" variant="light" tt="none">
            late
          </Badge>
        )}
        {item.truncated && (
          <Badge size="sm" color="yellow" variant="light" tt="none">
            rows truncated, {count(item.row_count)} reported
          </Badge>
        )}
      </Group>
      {item.error && (
        <Text size="xs" c="dimmed" maw={360} style={{ overflowWrap: 'anywhere' }}>
          <Untrusted text={item.error} max={200} />
        </Text>
      )}
    </Stack>
  );
}
