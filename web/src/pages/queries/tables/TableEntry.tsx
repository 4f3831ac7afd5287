// SPDX-License-Identifier: Apache-2.0
// One table in the panel: its marks, and its columns once it is opened.

import { Box, Group, Text, Tooltip, UnstyledButton } from '@mantine/core';
import {
  IconBan,
  IconBolt,
  IconChevronDown,
  IconChevronRight,
  type IconProps,
} from '@tabler/icons-react';
import { type ComponentType, memo } from 'react';
import type { Platform, SchemaTable } from '@/api/schema';
import { Columns, Insert } from './TableColumns';
import classes from './tables.module.css';

/** What an entry is given. */
export interface TableEntryProps {
  table: SchemaTable;
  /** Columns by which it was found. */
  hits: readonly string[];
  platforms: readonly Platform[] | undefined;
  isOpen: boolean;
  onToggle: (name: string) => void;
  onInsert: (name: string) => void;
}

/** The entry. */
export const TableEntry = memo(function TableEntry({
  table,
  hits,
  platforms,
  isOpen,
  onToggle,
  onInsert,
}: TableEntryProps) {
  const Chevron = isOpen ? IconChevronDown : IconChevronRight;
  return (
    <Box component="li">
      <Group gap={0} wrap="nowrap" className={classes.row}>
        <UnstyledButton
          className={classes.name}
          aria-expanded={isOpen}
          onClick={() => onToggle(table.name)}
        >
          <Group gap={6} wrap="nowrap">
            <Chevron size={14} aria-hidden style={{ flex: 'none' }} />
            <Text size="sm" ff="monospace" truncate>
              {table.name}
            </Text>
            <TableMarks table={table} />
          </Group>
          {hits.length > 0 && !isOpen && (
            <Text size="xs" c="dimmed" ff="monospace" pl={20} truncate>
              {hits.join(', ')}
            </Text>
          )}
        </UnstyledButton>
        <Insert name={table.name} onInsert={onInsert} />
      </Group>
      {isOpen && <Columns table={table} platforms={platforms} onInsert={onInsert} />}
    </Box>
  );
});

function TableMarks({ table }: { table: SchemaTable }) {
  return (
    <Group gap={4} wrap="nowrap">
      {table.platforms.length < 3 && (
        <Text size="xs" c="dimmed" style={{ whiteSpace: 'nowrap' }}>
          {table.platforms.join(', ')}
        </Text>
      )}
      {table.evented && (
        <Sign
          icon={IconBolt}
          color="violet"
          word="evented"
          meaning="Evented: filled by an event publisher, empty unless events are enabled on the host."
        />
      )}
      {table.denied && <Sign icon={IconBan} color="red" word="denied" meaning={table.denied} />}
    </Group>
  );
}

function Sign({
  icon: Icon,
  color,
  word,
  meaning,
}: {
  icon: ComponentType<IconProps>;
  color: string;
  word: string;
  meaning: string;
}) {
  const ink = `light-dark(var(--mantine-color-${color}-8), var(--mantine-color-${color}-4))`;
  return (
    <Tooltip label={meaning}>
      <Box component="span" role="img" aria-label={word} lh={0} style={{ flex: 'none' }}>
        <Icon size={15} color={ink} aria-hidden />
      </Box>
    </Tooltip>
  );
}
