// SPDX-License-Identifier: Apache-2.0
// One list of names, with completion, reasons and a way back to the default.

import {
  Button,
  Code,
  type ComboboxItem,
  Group,
  type OptionsFilter,
  Stack,
  Table,
  TagsInput,
  Text,
} from '@mantine/core';
import { IconRestore } from '@tabler/icons-react';
import type { DefaultDenial, Schema, SettingDescription } from '@/api/schema';
import { useIsAdmin } from '@/api/session';
import { Section } from '@/components/Facts';
import { TableRegion } from '@/components/TableRegion';
import { Untrusted } from '@/components/Untrusted';
import { counted } from '@/lib/format';
import type { SettingsDraft } from '../data';
import { missingDefaults } from '../draft';
import { Ticked } from '../general/Ticked';
import { Barred } from '../ReadOnly';
import { byReason, choices, type NameList } from './lists';

/** Those that begin with what is typed come first. */
const byBeginning: OptionsFilter = ({ options, search, limit }) => {
  const wanted = search.trim().toLowerCase();
  const found = (options as ComboboxItem[]).filter(({ value }) => value.includes(wanted));
  const begins = (option: ComboboxItem) => (option.value.startsWith(wanted) ? 0 : 1);
  return found.sort((one, other) => begins(one) - begins(other)).slice(0, limit);
};

/** Choices shown at once. */
const CHOICES_MAX = 50;

interface EditorProps {
  list: NameList;
  item: SettingDescription;
  denials: readonly DefaultDenial[];
  schema: Schema | undefined;
  draft: SettingsDraft;
}

/** A card of its own. */
export function ListEditor({ list, item, denials, schema, draft }: EditorProps) {
  const isAdmin = useIsAdmin();
  const entries = (draft.value(list.name) ?? []) as readonly string[];
  const missing = missingDefaults(item, entries);
  const restore = () => draft.set(list.name, [...entries, ...missing]);
  return (
    <Section
      title={list.label}
      actions={
        isAdmin &&
        missing.length > 0 && (
          <Button
            size="xs"
            variant="default"
            leftSection={<IconRestore size={16} />}
            onClick={restore}
            aria-label={`Restore defaults of ${list.label.toLowerCase()}`}
          >
            Restore defaults
          </Button>
        )
      }
    >
      <Stack gap="sm">
        <Barred>
          <TagsInput
            aria-label={list.label}
            description={<Ticked text={item.meaning} />}
            placeholder={isAdmin ? `Add a name such as ${list.example}` : undefined}
            readOnly={!isAdmin}
            data={choices(list, schema)}
            limit={CHOICES_MAX}
            filter={byBeginning}
            acceptValueOnBlur
            splitChars={[',', ' ', ';', '\n']}
            value={[...entries]}
            onChange={(next) =>
              draft.set(
                list.name,
                next.map((name) => name.trim().toLowerCase()),
              )
            }
            error={draft.problemOf(item)}
            styles={{ pillsList: { maxHeight: 260, overflowY: 'auto' } }}
          />
        </Barred>
        {missing.length > 0 && (
          <Text size="sm">
            {counted(missing.length, 'default')} taken out:{' '}
            {missing.map((name) => (
              <Code key={name} mr={4}>
                {name}
              </Code>
            ))}
          </Text>
        )}
        {list.kind && entries.length > 0 && (
          <Reasons entries={entries} list={list} denials={denials} />
        )}
      </Stack>
    </Section>
  );
}

function Reasons({
  entries,
  list,
  denials,
}: {
  entries: readonly string[];
  list: NameList;
  denials: readonly DefaultDenial[];
}) {
  return (
    <details>
      <Text component="summary" size="sm" style={{ cursor: 'pointer' }}>
        Why each is denied
      </Text>
      <TableRegion label={`Why: ${list.label.toLowerCase()}`} minWidth={480}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th w="40%">Name</Table.Th>
            <Table.Th>Reason</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {byReason(entries, list, denials).map(({ reason, names }) => (
            <Table.Tr key={reason ?? ''}>
              <Table.Td>
                <Group gap={4}>
                  {names.map((name) => (
                    <Code key={name}>
                      <Untrusted text={name} max={80} />
                    </Code>
                  ))}
                </Group>
              </Table.Td>
              <Table.Td>{reason ?? 'added by an administrator of this server'}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </TableRegion>
    </details>
  );
}
