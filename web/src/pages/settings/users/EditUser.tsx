// SPDX-License-Identifier: Apache-2.0
// Changing what an account may do, and whether it may do anything.

import { Alert, Button, Group, Modal, Stack, Switch } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { asProblem } from '@/api/problem';
import type { User, UserPatch } from '@/api/schema';
import { useUser } from '@/api/session';
import { notifyDone } from '@/lib/notify';
import { FormProblem } from '../FormProblem';
import { useChangeUser } from './data';
import { type Rights, RoleFields } from './RoleFields';

/** The dialog; open while there is a user. */
export function EditUser({ user, onClose }: { user: User | undefined; onClose: () => void }) {
  return (
    <Modal opened={user !== undefined} onClose={onClose} title={user && `Edit ${user.username}`}>
      {user && <Form user={user} onDone={onClose} />}
    </Modal>
  );
}

/** Members that differ, and only those. */
function differing(user: User, rights: Rights, disabled: boolean): Partial<UserPatch> {
  const patch: Partial<UserPatch> = {};
  if (rights.role !== user.role) patch.role = rights.role;
  if (disabled !== user.disabled) patch.disabled = disabled;
  const had = user.capabilities.length;
  if (rights.role !== 'admin' && rights.capabilities.length !== had) {
    patch.capabilities = [...rights.capabilities];
  }
  return patch;
}

function Form({ user, onDone }: { user: User; onDone: () => void }) {
  const isSelf = useUser().id === user.id;
  const change = useChangeUser();
  const [rights, setRights] = useState<Rights>(user);
  const [disabled, setDisabled] = useState(user.disabled);
  const problem = change.error ? asProblem(change.error) : undefined;
  const patch = differing(user, rights, disabled);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change.mutate(
      { id: user.id, patch },
      {
        onSuccess: () => {
          onDone();
          notifyDone(`${user.username} is changed.`);
        },
      },
    );
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        {isSelf && (
          <Alert color="yellow" title="This is your own account">
            What you take from it you cannot give back to yourself.
          </Alert>
        )}
        <RoleFields rights={rights} onChange={setRights} error={problem?.field('role')} />
        <Switch
          label="Disabled"
          description="Ends its sessions and refuses its sign-in and its API keys until it is enabled again."
          checked={disabled}
          onChange={(event) => setDisabled(event.currentTarget.checked)}
          error={problem?.field('disabled')}
        />
        <FormProblem error={change.error} fields={['role', 'disabled']} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onDone}>
            Cancel
          </Button>
          <Button
            type="submit"
            loading={change.isPending}
            disabled={Object.keys(patch).length === 0}
          >
            Save
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
