// SPDX-License-Identifier: Apache-2.0
// Cutting a host off: what that does, and the name typed to confirm it.

import { Alert, Button, Checkbox, Group, List, Modal, Stack, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { type FormEvent, useState } from 'react';
import { asProblem } from '@/api/problem';
import type { Host } from '@/api/schema';
import { useIsAdmin } from '@/api/session';
import { ADMIN_ONLY, GuardedButton } from '@/components/Guarded';
import { Untrusted } from '@/components/Untrusted';
import { notifyDone } from '@/lib/notify';
import { visible } from '@/lib/untrusted';
import { useDecommission } from './data';

/** The button and its dialog. */
export function Decommission({ host }: { host: Host }) {
  const isAdmin = useIsAdmin();
  const [opened, { open, close }] = useDisclosure(false);
  if (host.status === 'decommissioned') return null;
  return (
    <>
      <GuardedButton
        color="red"
        variant="light"
        barred={isAdmin ? undefined : ADMIN_ONLY}
        onClick={open}
      >
        Decommission
      </GuardedButton>
      <Modal opened={opened} onClose={close} title="Decommission this host?" size="lg">
        <Form host={host} onDone={close} />
      </Modal>
    </>
  );
}

function Form({ host, onDone }: { host: Host; onDone: () => void }) {
  const decommission = useDecommission(host.id);
  const [block, setBlock] = useState(false);
  const [typed, setTyped] = useState('');
  const name = visible(host.hostname || host.id);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (typed.trim() !== name.trim()) return;
    decommission.mutate(block, {
      onSuccess: () => {
        onDone();
        notifyDone('The host is decommissioned.');
        // The button that opened the dialog is gone now, and the focus with it.
        document.getElementById('main')?.focus();
      },
    });
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        <List size="sm" spacing={4}>
          <List.Item>
            Its key is worthless at once: the agent is told to enrol anew and gets nothing else.
          </List.Item>
          <List.Item>What it was still asked in campaigns is cancelled.</List.Item>
          <List.Item>Its answers and its place in every campaign stay.</List.Item>
          <List.Item>
            This cannot be undone. The machine can come back as a new host only.
          </List.Item>
        </List>
        <Checkbox
          checked={block}
          onChange={(event) => setBlock(event.currentTarget.checked)}
          label="Refuse this machine should it try to enrol again"
          description="For a machine that is lost or stolen. Without it, the machine may enrol as a new host with a valid secret."
        />
        <TextInput
          data-autofocus
          label={
            <>
              Type <Untrusted text={name} max={200} /> to confirm
            </>
          }
          value={typed}
          autoComplete="off"
          onChange={(event) => setTyped(event.currentTarget.value)}
        />
        {decommission.error && (
          <Alert color="red" role="alert" title="The host was not decommissioned">
            {asProblem(decommission.error).detail}
          </Alert>
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={onDone}>
            Cancel
          </Button>
          <Button
            type="submit"
            color="red"
            disabled={typed.trim() !== name.trim()}
            loading={decommission.isPending}
          >
            Decommission
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
