// SPDX-License-Identifier: Apache-2.0
// How far a live query is, and what can be done with it.

import {
  ActionIcon,
  Badge,
  Button,
  Group,
  Progress,
  Stack,
  Text,
  Title,
  Tooltip,
} from '@mantine/core';
import { IconPlayerStop, IconTarget, IconX } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import type { LiveEndReason } from '@/api/schema';
import { useIsAdmin } from '@/api/session';
import { GuardedButton } from '@/components/Guarded';
import { targetWords } from '@/components/target-words';
import { useNow } from '@/lib/clock';
import { count, counted, duration, percent } from '@/lib/format';
import { notifyProblem } from '@/lib/notify';
import { RUN_ADMIN_ONLY } from '../words';
import { ExportButton } from './ExportButton';
import type { Run } from './run';

const ENDS: Record<LiveEndReason, { label: string; color: string }> = {
  complete: { label: 'Complete', color: 'green' },
  window: { label: 'Time is up', color: 'gray' },
  cancelled: { label: 'Stopped', color: 'gray' },
  row_cap: { label: 'Row limit reached', color: 'yellow' },
};

/** What the head is given. */
export interface LiveHeadProps {
  run: Run;
  columns: string[];
  onClose: () => void;
  onCampaign: () => void;
}

/** Heading, totals, progress, buttons. */
export function LiveHead({ run, columns, onClose, onCampaign }: LiveHeadProps) {
  const { end } = run.data;
  const isAdmin = useIsAdmin();
  const isRunning = !end && !run.refused;
  const stop = useMutation({
    mutationFn: () => run.cancel(),
    onError: (error) => notifyProblem(error, 'The live query was not stopped'),
  });
  const state = end
    ? ENDS[end.reason]
    : { label: isRunning ? 'Running' : 'Cut off', color: 'blue' };
  return (
    <Stack gap="xs">
      <Group justify="space-between" gap="sm">
        <Group gap="sm">
          <Title order={2} size="h4">
            Results
          </Title>
          <Badge variant="light" color={state.color} tt="none" role="status">
            {state.label}
          </Badge>
          {run.query && <Text size="sm">{targetWords(run.query.target)}</Text>}
        </Group>
        <Group gap="xs">
          {isRunning && (
            <Button
              size="xs"
              color="red"
              variant="light"
              leftSection={<IconPlayerStop size={14} aria-hidden />}
              loading={stop.isPending}
              onClick={() => stop.mutate()}
            >
              Stop
            </Button>
          )}
          <ExportButton run={run} columns={columns} />
          <GuardedButton
            size="xs"
            variant="default"
            barred={isAdmin ? undefined : RUN_ADMIN_ONLY}
            leftSection={<IconTarget size={14} aria-hidden />}
            onClick={onCampaign}
          >
            Re-run as campaign
          </GuardedButton>
          <Tooltip label="Close the results">
            <ActionIcon
              variant="subtle"
              color="gray"
              aria-label="Close the results"
              onClick={onClose}
            >
              <IconX size={16} />
            </ActionIcon>
          </Tooltip>
        </Group>
      </Group>
      <Totals run={run} isRunning={isRunning} />
    </Stack>
  );
}

function Totals({ run, isRunning }: { run: Run; isRunning: boolean }) {
  const now = useNow(1_000);
  const { totals, silent, rows } = run.data;
  if (!totals) return <Progress value={0} aria-label="Hosts that have answered" />;
  const { answered, online, targeted, errors } = totals;
  const skipped = targeted - online;
  const open = online - answered;
  return (
    <>
      <Progress
        value={online === 0 ? 100 : (100 * answered) / online}
        color={isRunning ? 'blue' : open > 0 ? 'gray' : 'green'}
        animated={isRunning}
        aria-label="Hosts that have answered"
      />
      <Group fz="sm" style={{ gap: '4px 20px' }}>
        <span>
          <b>{count(answered)}</b> of {count(online)} online answered ({percent(answered, online)})
        </span>
        <Text
          component="button"
          inherit
          c={errors > 0 ? 'var(--mantine-color-error)' : 'var(--mantine-color-text)'}
          td={errors > 0 ? 'underline' : undefined}
          bg="none"
          bd={0}
          p={0}
          style={{ cursor: 'pointer' }}
          onClick={() => run.lookAt({ tab: 'errors' })}
        >
          {counted(errors, 'error')}
        </Text>
        <span>{counted(rows.length, 'row')}</span>
        {silent > 0 && <span>{count(silent)} without rows</span>}
        {skipped > 0 && (
          <Tooltip label="A live query asks only hosts that are online. A campaign asks them all.">
            <span>{count(skipped)} skipped as offline</span>
          </Tooltip>
        )}
        {isRunning && run.deadline > 0 && <span>{duration(run.deadline - now)} left</span>}
        {!isRunning && open > 0 && <span>{count(open)} did not answer</span>}
      </Group>
    </>
  );
}
