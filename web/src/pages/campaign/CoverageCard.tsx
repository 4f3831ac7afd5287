// SPDX-License-Identifier: Apache-2.0
// Is it done? Three numbers, one line, one bar, one curve; each number is a door to its hosts.

import { Box, Group, SimpleGrid, Stack, Text, UnstyledButton } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { Campaign } from '@/api/schema';
import { Countdown } from '@/components/Countdown';
import { Moment } from '@/components/Moment';
import { CoverageBar, cssColor, STATES } from '@/components/marks';
import { count, percent } from '@/lib/format';
import { CompletionCurve } from './CompletionCurve';
import classes from './campaign.module.css';
import { Door, type DoorTo, useDoor } from './doors';
import { Panel } from './Panel';
import { WarningBadges } from './WarningBadges';
import { answeredLine, waiting, windowWords } from './words';

/** The card. */
export function CoverageCard({ campaign }: { campaign: Campaign }) {
  return (
    <Panel
      id="coverage"
      title="Coverage"
      actions={
        <Group gap="md" style={{ rowGap: 4 }}>
          <WarningBadges campaign={campaign} />
          <LiveWindow campaign={campaign} />
        </Group>
      }
    >
      <div className={classes.coverage}>
        <Stack gap="md" miw={0}>
          <Numbers campaign={campaign} />
          <Summary campaign={campaign} />
          <CoverageBar coverage={campaign.coverage} height={16} />
          <Legend campaign={campaign} />
        </Stack>
        <CompletionCurve campaign={campaign} />
      </div>
    </Panel>
  );
}

function LiveWindow({ campaign }: { campaign: Campaign }) {
  if (!campaign.live) {
    const { stopped_at, live_until } = campaign;
    const isCut = stopped_at !== null && Date.parse(stopped_at) < Date.parse(live_until);
    return (
      <Text size="sm" c="dimmed">
        {isCut ? 'The live window ended with the stop' : 'Live window closed'}{' '}
        <Moment at={isCut ? campaign.stopped_at : campaign.live_until} />
      </Text>
    );
  }
  return (
    <Text size="sm" fw={500}>
      Live window closes in <Countdown to={campaign.live_until} />
    </Text>
  );
}

function Numbers({ campaign: { coverage } }: { campaign: Campaign }) {
  const { responded, targeted, late } = coverage;
  return (
    <SimpleGrid cols={3} spacing="sm">
      <NumberDoor
        label="Responded"
        value={responded}
        share={percent(responded, targeted)}
        color="green"
        to={{ ledger: { state: 'responded' } }}
      />
      <NumberDoor
        label="Pending"
        value={waiting(coverage)}
        share={percent(waiting(coverage), targeted)}
        color="blue"
        to={{ card: 'pending-hosts' }}
      />
      <NumberDoor
        label="Late results"
        value={late}
        share={responded > 0 ? `${percent(late, responded)} of answers` : 'no answers yet'}
        color="red"
        to={{ card: 'late-responses' }}
      />
    </SimpleGrid>
  );
}

function NumberDoor({
  label,
  value,
  share,
  color,
  to,
}: {
  label: string;
  value: number;
  share: string;
  color: 'green' | 'blue' | 'red';
  to: DoorTo;
}) {
  const door = useDoor(to);
  return (
    <UnstyledButton
      component={Link}
      {...(door as object)}
      className={classes.number}
      data-color={color}
    >
      <Text size="sm" component="span" display="block">
        {label}
      </Text>
      <Text className={classes.value} component="span" display="block">
        {count(value)}
      </Text>
      <Text size="xs" c="dimmed" component="span" display="block">
        {share}
      </Text>
    </UnstyledButton>
  );
}

function Summary({ campaign }: { campaign: Campaign }) {
  const { coverage } = campaign;
  const words = windowWords(campaign);
  return (
    <Text size="sm">
      {answeredLine(coverage)}
      {coverage.responded > 0 && (
        <>
          : <Door to={{ ledger: { outcome: 'rows' } }}>{count(coverage.with_rows)} with rows</Door>,{' '}
          <Door to={{ ledger: { outcome: 'empty' } }}>{count(coverage.empty)} without</Door>
        </>
      )}
      . {words}
    </Text>
  );
}

function Legend({ campaign: { coverage } }: { campaign: Campaign }) {
  return (
    <Group
      gap="md"
      component="ul"
      m={0}
      p={0}
      style={{ rowGap: 6, listStyle: 'none' }}
      aria-label="States of the ledger"
    >
      {STATES.map(({ state, color, meaning }) => {
        const words = `${count(coverage[state])} ${state}`;
        return (
          <Group key={state} component="li" gap={6} wrap="nowrap" title={meaning} fz="sm">
            <Box
              w={10}
              h={10}
              style={{ borderRadius: 2, flex: 'none', background: cssColor(color) }}
              aria-hidden
            />
            {coverage[state] > 0 ? (
              <Door to={{ ledger: { state } }}>{words}</Door>
            ) : (
              <Text span inherit c="dimmed">
                {words}
              </Text>
            )}
          </Group>
        );
      })}
    </Group>
  );
}
