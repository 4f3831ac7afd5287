// SPDX-License-Identifier: Apache-2.0
// The rows of the list of campaigns.

import { Badge, Box, Group, Stack, Table, Text } from '@mantine/core';
import type { Campaign } from '@/api/schema';
import { Countdown } from '@/components/Countdown';
import { AnchorLink } from '@/components/links';
import { Moment } from '@/components/Moment';
import { CampaignStatusMark, CoverageBar, KindBadge } from '@/components/marks';
import { TableRegion } from '@/components/TableRegion';
import { targetWords } from '@/components/target-words';
import { Untrusted } from '@/components/Untrusted';
import { count } from '@/lib/format';

/** A table that scrolls sideways inside its own box. */
export function CampaignTable({ campaigns }: { campaigns: readonly Campaign[] }) {
  return (
    <TableRegion label="Campaigns" minWidth={1120}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>Status</Table.Th>
          <Table.Th>Name</Table.Th>
          <Table.Th miw={104}>Kind</Table.Th>
          <Table.Th>Target</Table.Th>
          <Table.Th w={200}>Coverage</Table.Th>
          <Table.Th ta="right">Rows</Table.Th>
          <Table.Th>Live until</Table.Th>
          <Table.Th style={{ whiteSpace: 'nowrap' }}>Launched by</Table.Th>
          <Table.Th>Created</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {campaigns.map((campaign) => (
          <CampaignRow key={campaign.id} campaign={campaign} />
        ))}
      </Table.Tbody>
    </TableRegion>
  );
}

function CampaignRow({ campaign }: { campaign: Campaign }) {
  const { id, coverage } = campaign;
  const to = { to: '/campaigns/$campaignId', params: { campaignId: id } } as const;
  return (
    <Table.Tr>
      <Table.Td style={{ whiteSpace: 'nowrap' }}>
        <CampaignStatusMark status={campaign.status} complete={campaign.complete} />
      </Table.Td>
      <Table.Td maw={360} style={{ overflowWrap: 'anywhere' }}>
        <AnchorLink {...to} inherit fw={500}>
          <Untrusted text={campaign.name} max={120} />
        </AnchorLink>
        <Marks campaign={campaign} />
      </Table.Td>
      <Table.Td>
        <KindBadge kind={campaign.kind} />
      </Table.Td>
      <Table.Td style={{ whiteSpace: 'nowrap' }}>{targetWords(campaign.target)}</Table.Td>
      <Table.Td>
        <CoverageCell campaign={campaign} />
      </Table.Td>
      <Table.Td ta="right" style={{ fontVariantNumeric: 'tabular-nums' }}>
        {campaign.rows_dropped ? (
          <Text span inherit c="dimmed">
            dropped
          </Text>
        ) : (
          <AnchorLink {...to} hash="results" inherit>
            {count(coverage.rows_stored)}
          </AnchorLink>
        )}
      </Table.Td>
      <Table.Td style={{ whiteSpace: 'nowrap' }}>
        <LiveUntil campaign={campaign} />
      </Table.Td>
      <Table.Td>
        <Untrusted text={campaign.created_by.username} max={40} />
      </Table.Td>
      <Table.Td style={{ whiteSpace: 'nowrap' }}>
        <Moment at={campaign.created_at} />
      </Table.Td>
    </Table.Tr>
  );
}

function CoverageCell({ campaign: { id, coverage } }: { campaign: Campaign }) {
  const to = { to: '/campaigns/$campaignId', params: { campaignId: id } } as const;
  const waiting = coverage.pending + coverage.offered;
  return (
    <Stack gap={2}>
      <CoverageBar coverage={coverage} />
      <Group gap={6} wrap="nowrap" fz="xs" style={{ whiteSpace: 'nowrap' }}>
        <AnchorLink
          {...to}
          search={{ ledger: true, state: 'responded' }}
          hash="ledger"
          inherit
          aria-label={`${count(coverage.responded)} of ${count(coverage.targeted)} hosts responded`}
        >
          {count(coverage.responded)} of {count(coverage.targeted)}
        </AnchorLink>
        {waiting > 0 && (
          <>
            <span aria-hidden>·</span>
            <AnchorLink {...to} hash="pending-hosts" inherit>
              {count(waiting)} pending
            </AnchorLink>
          </>
        )}
      </Group>
    </Stack>
  );
}

function LiveUntil({ campaign }: { campaign: Campaign }) {
  if (!campaign.live) {
    return (
      <Text span inherit c="dimmed">
        {campaign.status === 'active' ? <Moment at={campaign.live_until} /> : 'stopped'}
      </Text>
    );
  }
  return (
    <Text span inherit fw={500}>
      <Countdown to={campaign.live_until} /> left
    </Text>
  );
}

function Marks({ campaign }: { campaign: Campaign }) {
  if (campaign.stop_code !== 'auto_stopped_aggregate_row_cap') return null;
  return (
    <Box mt={2}>
      <Badge color="yellow" variant="light" size="sm" tt="none">
        stopped itself: row cap
      </Badge>
    </Box>
  );
}
