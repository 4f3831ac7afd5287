// SPDX-License-Identifier: Apache-2.0
// The tables of osquery: what they hold, where they exist, what they need, what is denied.

import { Box, Checkbox, Group, Stack, Text, TextInput, Title } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconSearch } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { memo, type ReactNode, useCallback, useMemo, useState } from 'react';
import type { Platform } from '@/api/schema';
import { schemaQuery } from '@/components/sql/queries';
import { Loaded } from '@/components/states';
import { counted } from '@/lib/format';
import { findTables } from './found';
import { TableEntry } from './TableEntry';
import classes from './tables.module.css';

/** What the panel is given. */
export interface TablesPanelProps {
  /** Platforms of the target; all when absent. */
  platforms: readonly Platform[] | undefined;
  /** Puts a name into the text. */
  onInsert: (name: string) => void;
  /** Stands at the right of the heading; without it, the frame around has one of its own. */
  corner?: ReactNode;
}

/** The panel. Its list scrolls in its own box. It is long, and not drawn anew with each keystroke. */
export const TablesPanel = memo(function TablesPanel({
  platforms,
  onInsert,
  corner,
}: TablesPanelProps) {
  const schema = useQuery(schemaQuery);
  const [text, setText] = useState('');
  const [wanted] = useDebouncedValue(text, 120);
  const [isNarrow, setNarrow] = useState(true);
  const [open, setOpen] = useState<string>();
  const toggle = useCallback(
    (name: string) => setOpen((now) => (now === name ? undefined : name)),
    [],
  );
  const within = isNarrow ? platforms : undefined;
  const tables = schema.data?.schema.tables;
  const found = useMemo(() => findTables(tables ?? [], wanted, within), [tables, wanted, within]);
  return (
    <Stack gap="xs" h="100%" mih={0}>
      {corner && (
        <Group justify="space-between" wrap="nowrap">
          <Title order={2} size="h5">
            Tables
          </Title>
          {corner}
        </Group>
      )}
      <TextInput
        aria-label="Search tables and columns"
        placeholder="Search tables and columns"
        size="xs"
        leftSection={<IconSearch size={14} aria-hidden />}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
      />
      {platforms && (
        <Checkbox
          size="xs"
          label={`Only tables of ${platforms.join(', ')}`}
          checked={isNarrow}
          onChange={(event) => setNarrow(event.currentTarget.checked)}
        />
      )}
      <Loaded query={schema} lines={8}>
        {({ schema: { osquery_version } }) => (
          <>
            <Text size="xs" c="dimmed">
              {counted(found.length, 'table')} of osquery {osquery_version}
            </Text>
            <Box className={classes.list}>
              <Stack component="ul" gap={0} p={0} m={0} style={{ listStyle: 'none' }}>
                {found.map(({ table, columns }) => (
                  <TableEntry
                    key={table.name}
                    table={table}
                    hits={columns}
                    platforms={within}
                    isOpen={open === table.name}
                    onToggle={toggle}
                    onInsert={onInsert}
                  />
                ))}
              </Stack>
            </Box>
          </>
        )}
      </Loaded>
    </Stack>
  );
});
