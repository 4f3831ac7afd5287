// SPDX-License-Identifier: Apache-2.0
// Campaigns at a glance: how far each is, and how long its live window is open.

import { Group, Stack, Table, Text } from '@mantine/core';
import type { Campaign } from '@/api/schema';
import { Countdown } from '@/components/Countdown';
import { AnchorLink } from '@/components/links';
import { Moment } from '@/components/Moment';
import { CampaignStatusMark, CoverageBar, KindBadge } from '@/components/marks';
import { TableRegion } from '@/components/TableRegion';
import { targetWords } from '@/components/target-words';
import { Untrusted } from '@/components/Untrusted';
import { count } from '@/lib/format';

/** A list with a name of its own. */
export function CampaignRows({
  label,
  campaigns,
}: {
  label: string;
  campaigns: readonly Campaign[];
}) {
  return (
    <TableRegion label={label} minWidth={760}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>Campaign</Table.Th>
          <Table.Th>Status</Table.Th>
          <Table.Th w={260}>Coverage</Table.Th>
          <Table.Th>Pending</Table.Th>
          <Table.Th>Live window</Table.Th>
          <Table.Th>Created</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {campaigns.map((campaign) => (
          <Row key={campaign.id} campaign={campaign} />
        ))}
      </Table.Tbody>
    </TableRegion>
  );
}

function Row({ campaign }: { campaign: Campaign }) {
  const { id, coverage } = campaign;
  const to = { to: '/campaigns/$campaignId', params: { campaignId: id } } as const;
  return (
    <Table.Tr>
      <Table.Td maw={360} style={{ overflowWrap: 'anywhere' }}>
        <AnchorLink {...to} inherit fw={500}>
          <Untrusted text={campaign.name} max={120} />
        </AnchorLink>
        <Group gap={6} mt={2}>
          <KindBadge kind={campaign.kind} />
          <Text size="xs" c="dimmed">
            {targetWords(campaign.target)}
          </Text>
        </Group>
      </Table.Td>
      <Table.Td style={{ whiteSpace: 'nowrap' }}>
        <CampaignStatusMark status={campaign.status} complete={campaign.complete} />
      </Table.Td>
      <Table.Td>
        <Stack gap={2}>
          <CoverageBar coverage={coverage} />
          <Text size="xs" c="dimmed">
            {count(coverage.responded)} of {count(coverage.targeted)} responded
            {coverage.late > 0 && `, ${count(coverage.late)} late`}
          </Text>
        </Stack>
      </Table.Td>
      <Table.Td>
        <Pending campaign={campaign} />
      </Table.Td>
      <Table.Td style={{ whiteSpace: 'nowrap' }}>
        {campaign.live ? (
          <Text span inherit fw={500}>
            <Countdown to={campaign.live_until} /> left
          </Text>
        ) : (
          <Text span inherit c="dimmed">
            closed
          </Text>
        )}
      </Table.Td>
      <Table.Td style={{ whiteSpace: 'nowrap' }}>
        <Moment at={campaign.created_at} />
      </Table.Td>
    </Table.Tr>
  );
}

function Pending({ campaign: { id, coverage } }: { campaign: Campaign }) {
  const waiting = coverage.pending + coverage.offered;
  if (waiting === 0) return 'none';
  return (
    <AnchorLink
      to="/campaigns/$campaignId"
      params={{ campaignId: id }}
      hash="pending-hosts"
      inherit
      style={{ fontVariantNumeric: 'tabular-nums' }}
    >
      {count(waiting)}
    </AnchorLink>
  );
}
