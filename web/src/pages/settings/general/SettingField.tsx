// SPDX-License-Identifier: Apache-2.0
// One setting: its name, what it means, what it may be, and its value.

import {
  Box,
  Code,
  Group,
  NumberInput,
  Stack,
  Switch,
  Text,
  UnstyledButton,
  VisuallyHidden,
} from '@mantine/core';
import type { SettingDescription } from '@/api/schema';
import { useIsAdmin } from '@/api/session';
import type { SettingsDraft } from '../data';
import { bounds, type SettingName, type Value } from '../draft';
import { Barred } from '../ReadOnly';
import { Ticked } from './Ticked';
import { besideNumber, inUnits } from './words';

interface FieldProps {
  label: string;
  item: SettingDescription;
  draft: SettingsDraft;
}

/** A number or a switch. */
export function SettingField(props: FieldProps) {
  const { item, draft } = props;
  const name = item.name as SettingName;
  const value = draft.value(name);
  const standard = item.default as Value;
  return (
    <Group align="flex-start" gap="md" py={6} wrap="wrap">
      <Box flex="1 1 300px" miw={0}>
        <Barred>{item.kind === 'boolean' ? <Flag {...props} /> : <Cap {...props} />}</Barred>
      </Box>
      <Stack gap={2} flex="1 1 260px" miw={0} pt={4}>
        <Text size="sm">
          <Ticked text={item.meaning} />
        </Text>
        <Text size="xs" c="dimmed">
          {typeof value === 'boolean' && `It is ${words(item, value)}. `}
          {item.kind === 'integer' && `${bounds(item)}${item.unit ? ` ${item.unit}` : ''}. `}
          {value === standard ? 'This is the default.' : `Default: ${words(item, standard)}.`}{' '}
          <Code fz="xs">{item.name}</Code>
          <ToDefault {...props} />
        </Text>
      </Stack>
    </Group>
  );
}

function words(item: SettingDescription, value: Value): string {
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  return typeof value === 'number' ? inUnits(item.unit, value) : String(value);
}

function ToDefault({ label, item, draft }: FieldProps) {
  const isAdmin = useIsAdmin();
  const name = item.name as SettingName;
  if (!isAdmin || draft.value(name) === item.default) return null;
  return (
    <>
      {' '}
      <UnstyledButton
        fz="xs"
        c="var(--mantine-color-anchor)"
        td="underline"
        onClick={() => draft.set(name, item.default as Value)}
      >
        Use default
        <VisuallyHidden> of {label}</VisuallyHidden>
      </UnstyledButton>
    </>
  );
}

function Flag({ label, item, draft }: FieldProps) {
  const isAdmin = useIsAdmin();
  const name = item.name as SettingName;
  return (
    <Switch
      label={label}
      pt={6}
      disabled={!isAdmin}
      checked={draft.value(name) === true}
      onChange={(event) => draft.set(name, event.currentTarget.checked)}
      error={draft.problemOf(item)}
    />
  );
}

function Cap({ label, item, draft }: FieldProps) {
  const isAdmin = useIsAdmin();
  const name = item.name as SettingName;
  const value = draft.value(name);
  const isFine = typeof value === 'number' && !draft.problemOf(item);
  return (
    <NumberInput
      label={label}
      readOnly={!isAdmin}
      thousandSeparator=","
      allowDecimal={false}
      allowNegative={false}
      clampBehavior="none"
      hideControls
      rightSectionWidth={110}
      rightSectionPointerEvents="none"
      rightSection={
        <Text size="xs" c="dimmed" ta="right" w="100%" pr="xs">
          {isFine ? besideNumber(item.unit, value) : item.unit}
        </Text>
      }
      value={typeof value === 'number' ? value : ''}
      onChange={(next) => draft.set(name, next)}
      error={draft.problemOf(item)}
    />
  );
}
