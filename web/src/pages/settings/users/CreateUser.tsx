// SPDX-License-Identifier: Apache-2.0
// Making an account with a one-time password.

import { Button, Group, Modal, Stack, Text, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { asProblem } from '@/api/problem';
import { FormProblem } from '../FormProblem';
import { ShownOnce } from '../ShownOnce';
import { useCreateUser } from './data';
import { oneTimePassword } from './password';
import { type Rights, RoleFields } from './RoleFields';

/** The dialog: first the form, then the password. */
export function CreateUser({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const [made, setMade] = useState<{ username: string; password: string }>();
  const close = () => {
    onClose();
    setMade(undefined);
  };
  return (
    <Modal
      opened={opened}
      onClose={close}
      title={made ? `${made.username} can sign in` : 'Create a user'}
      closeOnClickOutside={!made}
      closeOnEscape={!made}
      withCloseButton={!made}
    >
      {made ? (
        <ShownOnce what="the one-time password" secret={made.password} onDone={close}>
          Hand it over by a way that only they can read. It has to be changed at the first sign-in.
        </ShownOnce>
      ) : (
        <Form onCancel={close} onMade={setMade} />
      )}
    </Modal>
  );
}

function Form({
  onCancel,
  onMade,
}: {
  onCancel: () => void;
  onMade: (made: { username: string; password: string }) => void;
}) {
  const create = useCreateUser();
  const [username, setUsername] = useState('');
  const [rights, setRights] = useState<Rights>({ role: 'operator', capabilities: [] });
  const problem = create.error ? asProblem(create.error) : undefined;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const password = oneTimePassword();
    const capabilities = rights.role === 'admin' ? [] : [...rights.capabilities];
    create.mutate(
      { username: username.trim(), password, role: rights.role, capabilities },
      { onSuccess: (user) => onMade({ username: user.username, password }) },
    );
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        <TextInput
          label="User name"
          description="Letters, digits and . _ - @"
          data-autofocus
          required
          withAsterisk={false}
          autoComplete="off"
          maxLength={64}
          value={username}
          onChange={(event) => setUsername(event.currentTarget.value)}
          error={problem?.field('username')}
        />
        <RoleFields rights={rights} onChange={setRights} error={problem?.field('role')} />
        <Text size="sm" c="dimmed">
          A one-time password is made and shown once.
        </Text>
        <FormProblem error={create.error} fields={['username', 'role']} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onCancel}>
            Cancel
          </Button>
          <Button type="submit" loading={create.isPending}>
            Create user
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
