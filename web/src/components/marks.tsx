// SPDX-License-Identifier: Apache-2.0
// Small marks that mean the same everywhere: kinds, statuses, states, coverage. Colour never stands
// alone: each mark also says its word.

import { Badge, Box, Group, Text, Tooltip } from '@mantine/core';
import type {
  AssignmentState,
  CampaignKind,
  CampaignStatus,
  Coverage,
  HostStatus,
} from '@/api/schema';
import { count, percent } from '@/lib/format';

/** `osquery` green, `ioc_hunt` blue. */
export function KindBadge({ kind }: { kind: CampaignKind }) {
  return (
    <Badge variant="light" color={kind === 'osquery' ? 'green' : 'blue'} tt="none">
      {kind}
    </Badge>
  );
}

/** A coloured dot before a word. */
export function Dot({ color, label }: { color: string; label: string }) {
  return (
    <Group gap={6} wrap="nowrap" display="inline-flex">
      <Box w={8} h={8} bg={color} style={{ borderRadius: 4, flex: 'none' }} aria-hidden />
      <Text span inherit>
        {label}
      </Text>
    </Group>
  );
}

const HOST_COLORS: Record<HostStatus, string> = {
  online: 'green.6',
  stale: 'yellow.6',
  offline: 'gray.5',
  decommissioned: 'red.7',
};

/** Whether a host can be reached. */
export function HostStatusMark({ status }: { status: HostStatus }) {
  return <Dot color={HOST_COLORS[status]} label={status} />;
}

/** Where a campaign stands. */
export function CampaignStatusMark({
  status,
  complete,
}: {
  status: CampaignStatus;
  complete: boolean;
}) {
  if (status === 'active') {
    return (
      <Dot
        color={complete ? 'teal.6' : 'blue.6'}
        label={complete ? 'active, complete' : 'active'}
      />
    );
  }
  return <Dot color={status === 'stopped' ? 'red.6' : 'gray.5'} label={status} />;
}

/** The ledger's states in the order of the bar, with their colours. */
export const STATES: readonly { state: AssignmentState; color: string; meaning: string }[] = [
  { state: 'responded', color: 'green.6', meaning: 'answered, and the answer is stored' },
  { state: 'offered', color: 'blue.4', meaning: 'handed to the host, which has not answered yet' },
  { state: 'pending', color: 'blue.7', meaning: 'not handed out yet: the host has not asked' },
  {
    state: 'lost',
    color: 'orange.6',
    meaning: 'handed out three times; the agent came back without it',
  },
  { state: 'cancelled', color: 'gray.5', meaning: 'stopped before it answered, or decommissioned' },
  {
    state: 'blocked',
    color: 'grape.6',
    meaning: 'refused by the deny-list when it was to be handed out',
  },
  { state: 'rejected', color: 'red.7', meaning: 'answered after a stop; the answer is not stored' },
];

/** A Mantine colour such as `green.6` as a CSS value. */
export function cssColor(color: string): string {
  return `var(--mantine-color-${color.replace('.', '-')})`;
}

/** All states of the ledger as one bar; its name says the numbers. */
export function CoverageBar({ coverage, height = 10 }: { coverage: Coverage; height?: number }) {
  const shown = STATES.filter(({ state }) => coverage[state] > 0);
  const words = shown.map(({ state }) => `${count(coverage[state])} ${state}`).join(', ');
  const label = `${percent(coverage.responded, coverage.targeted)} of ${count(coverage.targeted)} hosts: ${words || 'no hosts'}`;
  return (
    <Tooltip label={label} withinPortal>
      <Box
        role="img"
        aria-label={label}
        h={height}
        miw={80}
        style={{
          display: 'flex',
          borderRadius: height / 2,
          overflow: 'hidden',
          background: 'var(--mantine-color-default-border)',
        }}
      >
        {shown.map(({ state, color }) => (
          <Box
            key={state}
            style={{
              flexGrow: coverage[state],
              flexBasis: 0,
              minWidth: 2,
              background: cssColor(color),
            }}
          />
        ))}
      </Box>
    </Tooltip>
  );
}

const STATE_COLORS = Object.fromEntries(STATES.map(({ state, color }) => [state, color])) as Record<
  AssignmentState,
  string
>;

/** Where one host stands in a campaign. */
export function StateMark({ state }: { state: AssignmentState }) {
  return <Dot color={STATE_COLORS[state]} label={state} />;
}
