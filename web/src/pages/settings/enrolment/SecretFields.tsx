// SPDX-License-Identifier: Apache-2.0
// What a new enrolment secret is called, and how many hosts it admits.

import { NumberInput, TextInput } from '@mantine/core';

/** As typed. */
export interface NewSecret {
  name: string;
  /** Any number of hosts when absent. */
  maxUses?: number;
}

/** Name and limit; `refused` says what the server had against a member of its request. */
export function SecretFields({
  fields,
  onChange,
  refused,
  nameField,
}: {
  fields: NewSecret;
  onChange: (next: NewSecret) => void;
  refused: (field: string) => string | undefined;
  nameField: 'name' | 'secret_name';
}) {
  return (
    <>
      <TextInput
        label="Name of the secret"
        description="What it is for, such as a site or a roll-out."
        data-autofocus
        required
        withAsterisk={false}
        maxLength={100}
        value={fields.name}
        onChange={(event) => onChange({ ...fields, name: event.currentTarget.value })}
        error={refused(nameField)}
      />
      <NumberInput
        label="Most new hosts"
        description="Any number when left empty. A machine that enrols again does not count."
        allowDecimal={false}
        allowNegative={false}
        min={1}
        thousandSeparator=","
        value={fields.maxUses ?? ''}
        onChange={(value) =>
          onChange({ ...fields, maxUses: typeof value === 'number' ? value : undefined })
        }
        error={refused('max_uses')}
      />
    </>
  );
}
