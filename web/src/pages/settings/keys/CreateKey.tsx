// SPDX-License-Identifier: Apache-2.0
// Making an API key.

import { Button, Code, Group, Modal, Stack, Text, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { asProblem } from '@/api/problem';
import { useUser } from '@/api/session';
import { FormProblem } from '../FormProblem';
import { ShownOnce } from '../ShownOnce';
import { useCreateKey } from './data';

/** The dialog: first the form, then the key. */
export function CreateKey({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const user = useUser();
  const create = useCreateKey();
  const [name, setName] = useState('');
  const key = create.data?.key;
  const problem = create.error ? asProblem(create.error) : undefined;
  const close = () => {
    onClose();
    setName('');
    create.reset();
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate(name.trim());
  };
  return (
    <Modal
      opened={opened}
      onClose={close}
      title={key ? 'The API key' : 'Create an API key'}
      closeOnClickOutside={!key}
      closeOnEscape={!key}
      withCloseButton={!key}
    >
      {key ? (
        <ShownOnce what="the API key" secret={key} onDone={close}>
          Give it to programs as <Code>Authorization: Bearer …</Code>, or to the command line in{' '}
          <Code>MIMIR_API_KEY</Code>.
        </ShownOnce>
      ) : (
        <form onSubmit={submit}>
          <Stack gap="md">
            <TextInput
              label="Name"
              description="What it is for; the audit trail names it with everything it does."
              data-autofocus
              required
              withAsterisk={false}
              maxLength={100}
              value={name}
              onChange={(event) => setName(event.currentTarget.value)}
              error={problem?.field('name')}
            />
            <Text size="sm" c="dimmed">
              The key has your rights: {user.role === 'admin' ? 'administrator' : 'operator'}. It
              loses them when they are taken from you.
            </Text>
            <FormProblem error={create.error} fields={['name']} />
            <Group justify="flex-end">
              <Button variant="default" onClick={close}>
                Cancel
              </Button>
              <Button type="submit" loading={create.isPending}>
                Create key
              </Button>
            </Group>
          </Stack>
        </form>
      )}
    </Modal>
  );
}
