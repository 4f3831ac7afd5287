// SPDX-License-Identifier: Apache-2.0
// A kit without a detour: with a new secret that is shown nowhere else, or with one that is known.

import { Modal, PasswordInput, SegmentedControl, Stack } from '@mantine/core';
import { useState } from 'react';
import { KitForm, type KitSecret } from './KitForm';
import { type NewSecret, SecretFields } from './SecretFields';

/** The dialog. */
export function KitDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} size="lg" title="Enrolment kit">
      <Content />
    </Modal>
  );
}

function Content() {
  const [known, setKnown] = useState(false);
  const [fields, setFields] = useState<NewSecret>({ name: '' });
  const [value, setValue] = useState('');
  const secret: KitSecret = known
    ? { secret: value.trim() }
    : { secret_name: fields.name.trim(), max_uses: fields.maxUses };
  return (
    <KitForm
      secret={secret}
      secretFields={(refused) => (
        <Stack gap="md">
          <SegmentedControl
            aria-label="Secret"
            data={[
              { value: 'new', label: 'New secret' },
              { value: 'known', label: 'Secret I have' },
            ]}
            value={known ? 'known' : 'new'}
            onChange={(choice) => setKnown(choice === 'known')}
          />
          {known ? (
            <PasswordInput
              label="Enrolment secret"
              required
              withAsterisk={false}
              autoComplete="off"
              value={value}
              onChange={(event) => setValue(event.currentTarget.value)}
              error={refused('secret')}
            />
          ) : (
            <SecretFields
              fields={fields}
              onChange={setFields}
              refused={refused}
              nameField="secret_name"
            />
          )}
        </Stack>
      )}
    />
  );
}
