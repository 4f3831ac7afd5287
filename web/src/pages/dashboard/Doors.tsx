// SPDX-License-Identifier: Apache-2.0
// Counts that lead to what they count.

import { Box, Card, SimpleGrid, Text } from '@mantine/core';
import { createLink } from '@tanstack/react-router';
import type { AnchorHTMLAttributes, ReactNode } from 'react';
import type { DashboardSummary } from '@/api/schema';
import { cssColor } from '@/components/marks';
import { count } from '@/lib/format';

function PlainDoor({
  color,
  label,
  value,
  note,
  ...props
}: AnchorHTMLAttributes<HTMLAnchorElement> & {
  color: string;
  label: string;
  value: number;
  note?: ReactNode;
}) {
  return (
    <Card
      component="a"
      withBorder
      padding="sm"
      {...props}
      style={{ borderInlineStart: `4px solid ${cssColor(color)}` }}
    >
      <Text size="sm" c="dimmed">
        {label}
      </Text>
      <Text fz={26} fw={600} lh={1.3} style={{ fontVariantNumeric: 'tabular-nums' }}>
        {count(value)}
      </Text>
      {note && (
        <Text size="xs" c="dimmed">
          {note}
        </Text>
      )}
    </Card>
  );
}

const Door = createLink(PlainDoor);

/** Hosts by status, and work under way. */
export function Doors({ summary }: { summary: DashboardSummary }) {
  return (
    <Box component="nav" aria-label="Counts">
      <SimpleGrid cols={{ base: 2, sm: 3, xl: 6 }} spacing="sm">
        <Door
          to="/hosts"
          color="blue.7"
          label="Hosts"
          value={summary.total_hosts}
          note={summary.decommissioned > 0 && `and ${count(summary.decommissioned)} decommissioned`}
        />
        <Door
          to="/hosts"
          search={{ status: 'online' }}
          color="green.6"
          label="Online"
          value={summary.online}
        />
        <Door
          to="/hosts"
          search={{ status: 'stale' }}
          color="yellow.6"
          label="Stale"
          value={summary.stale}
        />
        <Door
          to="/hosts"
          search={{ status: 'offline' }}
          color="gray.5"
          label="Offline"
          value={summary.offline}
        />
        <Door
          to="/campaigns"
          search={{ status: 'active' }}
          color="blue.7"
          label="Active campaigns"
          value={summary.active_campaigns}
        />
        <Door
          to="/campaigns"
          search={{ status: 'active' }}
          color="blue.4"
          label="Pending answers"
          value={summary.pending_assignments}
          note="of active campaigns"
        />
      </SimpleGrid>
    </Box>
  );
}
