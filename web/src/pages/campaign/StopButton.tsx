// SPDX-License-Identifier: Apache-2.0
// Stopping a campaign: why, and what becomes of answers that are on their way.

import { Alert, Button, Checkbox, Group, Modal, Stack, Text, Textarea } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { asProblem } from '@/api/problem';
import type { Campaign } from '@/api/schema';
import { useIsAdmin } from '@/api/session';
import { settingsQuery } from '@/api/settings';
import { ADMIN_ONLY, GuardedButton } from '@/components/Guarded';
import { count, counted, duration } from '@/lib/format';
import { notifyDone, notifyProblem } from '@/lib/notify';
import { useChange } from './change';

/** Characters of a reason; the server counts the same way. */
const REASON_CHARS_MAX = 1_000;

/** The red button and its dialog. */
export function StopButton({ campaign }: { campaign: Campaign }) {
  const isAdmin = useIsAdmin();
  const [opened, { open, close }] = useDisclosure(false);
  return (
    <>
      <GuardedButton color="red" barred={isAdmin ? undefined : ADMIN_ONLY} onClick={open}>
        Stop Campaign
      </GuardedButton>
      <Modal opened={opened} onClose={close} title="Stop this campaign?" size="lg">
        <StopForm campaign={campaign} onClose={close} />
      </Modal>
    </>
  );
}

function StopForm({ campaign, onClose }: { campaign: Campaign; onClose: () => void }) {
  const [reason, setReason] = useState('');
  const [discard, setDiscard] = useState(false);
  const stop = useChange(campaign.id);
  const problem = stop.error ? asProblem(stop.error) : undefined;
  // Characters, not the browser's halves of them.
  const length = [...reason.trim()].length;
  const tooLong = length > REASON_CHARS_MAX;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (tooLong) return;
    const body = { reason: reason.trim() || null, discard_in_flight: discard };
    stop.mutate(
      { action: 'stop', body },
      {
        onError: (error) => {
          // The dialog goes when the page learns that the campaign is stopped; the refusal stays.
          if (asProblem(error).code === 'already_stopped') {
            notifyProblem(error, 'Somebody else was faster');
          }
        },
        onSuccess: () => {
          onClose();
          notifyDone('The campaign is stopped. Everything that was answered is kept.');
        },
      },
    );
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        <Consequence campaign={campaign} />
        <Textarea
          label="Reason"
          description="Shown in the header of the campaign, and recorded in the audit trail."
          autosize
          minRows={3}
          maxRows={10}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
          error={
            problem?.field('reason') ??
            (tooLong && `At most ${count(REASON_CHARS_MAX)} characters; shorten it.`)
          }
          data-autofocus
        />
        <Text size="xs" c={tooLong ? 'red' : 'dimmed'} ta="right" mt={-12}>
          {count(length)} of {count(REASON_CHARS_MAX)} characters
        </Text>
        <Checkbox
          label="Discard in-flight results"
          checked={discard}
          onChange={(event) => setDiscard(event.currentTarget.checked)}
        />
        <Choice discard={discard} />
        {problem && problem.errors.length === 0 && (
          <Alert color="red" role="alert" title="Nothing was changed">
            {problem.detail}
          </Alert>
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" color="red" loading={stop.isPending} disabled={tooLong}>
            Stop Campaign
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function Consequence({ campaign: { coverage } }: { campaign: Campaign }) {
  return (
    <Text size="sm">
      {coverage.pending > 0
        ? `${counted(coverage.pending, 'host that was', 'hosts that were')} never asked will not be asked any more. `
        : 'No host is left that was never asked. '}
      Everything that was answered is kept. A stopped campaign cannot be started again; the same
      query can be launched as a new one.
    </Text>
  );
}

/** One sentence on each choice; the one that is taken stands out. */
function Choice({ discard }: { discard: boolean }) {
  const settings = useQuery(settingsQuery);
  const minutes = settings.data?.stop_grace_minutes;
  const grace = minutes === undefined ? 'the grace time' : duration(minutes * 60_000);
  return (
    <Stack gap={4} ml="xl" mt={-8}>
      <Text size="sm" c={discard ? 'dimmed' : undefined}>
        Off: hosts that were handed the query may still answer for {grace}, and their answers are
        kept.
      </Text>
      <Text size="sm" c={discard ? undefined : 'dimmed'}>
        On: whatever still comes in is thrown away and counted as rejected.
      </Text>
    </Stack>
  );
}
