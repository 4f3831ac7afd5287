// SPDX-License-Identifier: Apache-2.0
// Making an enrolment secret, and the kit that carries it.

import { Button, Divider, Group, Modal, Stack, Title } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { asProblem } from '@/api/problem';
import { FormProblem } from '../FormProblem';
import { ShownOnce } from '../ShownOnce';
import { useCreateSecret } from './data';
import { KitForm } from './KitForm';
import { type NewSecret, SecretFields } from './SecretFields';

/** The dialog: first the form, then the secret with its kit. */
export function CreateSecret({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const create = useCreateSecret();
  const [fields, setFields] = useState<NewSecret>({ name: '' });
  const made = create.data;
  const problem = create.error ? asProblem(create.error) : undefined;
  const close = () => {
    onClose();
    setFields({ name: '' });
    create.reset();
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate({ name: fields.name.trim(), max_uses: fields.maxUses });
  };
  return (
    <Modal
      opened={opened}
      onClose={close}
      size="lg"
      title={made ? 'The enrolment secret' : 'Create an enrolment secret'}
      closeOnClickOutside={!made}
      closeOnEscape={!made}
      withCloseButton={!made}
    >
      {made ? (
        <Stack gap="md">
          <ShownOnce what="the secret" secret={made.secret} onDone={close}>
            <Stack gap="md">
              <Divider />
              <Title order={3} size="h5">
                Enrolment kit with this secret
              </Title>
              <KitForm secret={{ secret: made.secret }} />
            </Stack>
          </ShownOnce>
        </Stack>
      ) : (
        <form onSubmit={submit}>
          <Stack gap="md">
            <SecretFields
              fields={fields}
              onChange={setFields}
              refused={(field) => problem?.field(field)}
              nameField="name"
            />
            <FormProblem error={create.error} fields={['name', 'max_uses']} />
            <Group justify="flex-end">
              <Button variant="default" onClick={close}>
                Cancel
              </Button>
              <Button type="submit" loading={create.isPending}>
                Create secret
              </Button>
            </Group>
          </Stack>
        </form>
      )}
    </Modal>
  );
}
