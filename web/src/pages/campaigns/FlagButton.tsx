// SPDX-License-Identifier: Apache-2.0
// The switch of campaigns for everybody. An administrator confirms it; whoever may not use it
// learns from the server that they may not, and who may.

import { Alert, Button, Group, Modal, Stack, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useState } from 'react';
import { asProblem } from '@/api/problem';
import { useIsAdmin } from '@/api/session';
import { notifyDone } from '@/lib/notify';
import { useFlagChange } from './data';

/** The button, and beside it what the server said against it. */
export function FlagButton({ enabled }: { enabled: boolean }) {
  const isAdmin = useIsAdmin();
  const [confirming, { open, close }] = useDisclosure(false);
  // What the dialog asks stays what it was while it closes: the switch has changed by then, and a
  // second press of Enter must not change it back.
  const [turnOn, setTurnOn] = useState(!enabled);
  const change = useFlagChange();
  const commit = (on: boolean) =>
    change.mutate(on, {
      onSuccess: () => {
        close();
        notifyDone(on ? 'Campaigns are enabled.' : 'Campaigns are disabled.');
      },
    });
  const start = () => {
    change.reset();
    setTurnOn(!enabled);
    if (isAdmin) open();
    else commit(!enabled);
  };
  return (
    <Stack gap="xs" align="flex-end">
      <Button
        variant={enabled ? 'default' : 'filled'}
        aria-label={enabled ? 'Disable Campaigns' : undefined}
        loading={change.isPending && !confirming}
        onClick={start}
      >
        {enabled ? 'Disable' : 'Enable Campaigns'}
      </Button>
      {!confirming && <Refusal error={change.error} />}
      <Modal
        opened={confirming}
        onClose={close}
        title={turnOn ? 'Enable campaigns?' : 'Disable campaigns?'}
      >
        <Stack gap="md">
          <Text size="sm">{turnOn ? ON : OFF}</Text>
          <Text size="sm">The change is for everybody, and it is recorded in the audit trail.</Text>
          <Refusal error={change.error} />
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              Cancel
            </Button>
            <Button
              color={turnOn ? undefined : 'red'}
              loading={change.isPending}
              onClick={() => commit(turnOn)}
              data-autofocus
            >
              {turnOn ? 'Enable campaigns' : 'Disable campaigns'}
            </Button>
          </Group>
        </Stack>
      </Modal>
    </Stack>
  );
}

const ON =
  'Administrators can launch campaigns, and hosts that come online are handed what is still ' +
  'pending for them. Campaigns that waited while the switch was off go on by themselves.';
const OFF =
  'No campaign can be launched, and nothing more is handed out from the ledgers of running ones: ' +
  'their pending hosts wait. Answers that are on their way are still accepted, and nothing is lost.';

function Refusal({ error }: { error: unknown }) {
  if (!error) return null;
  const problem = asProblem(error);
  return (
    <Alert
      role="alert"
      color={problem.status === 403 ? 'yellow' : 'red'}
      title={problem.status === 403 ? 'You may not switch campaigns' : 'Nothing was changed'}
      maw={480}
    >
      {problem.detail}
    </Alert>
  );
}
