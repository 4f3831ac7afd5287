// SPDX-License-Identifier: Apache-2.0
// One table in the panel: its marks, and its columns once it is opened.

import {
  ActionIcon,
  Anchor,
  Badge,
  Box,
  Group,
  Text,
  Tooltip,
  UnstyledButton,
} from '@mantine/core';
import {
  IconBan,
  IconBolt,
  IconChevronDown,
  IconChevronRight,
  IconPlus,
  type IconProps,
} from '@tabler/icons-react';
import { type ComponentType, memo } from 'react';
import type { Platform, SchemaColumn, SchemaTable } from '@/api/schema';
import { columnIsOn } from '@/components/sql/schema-index';
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

function Mark({ word, color, meaning }: { word: string; color: string; meaning: string }) {
  return (
    <Tooltip label={meaning}>
      <Badge size="xs" variant="outline" color={`${color}.8`} className={classes.mark} tt="none">
        {word}
      </Badge>
    </Tooltip>
  );
}

function Insert({ name, onInsert }: { name: string; onInsert: (name: string) => void }) {
  return (
    <Tooltip label="Insert at the cursor" position="left">
      <ActionIcon
        variant="subtle"
        color="gray"
        size="sm"
        aria-label={`Insert ${name}`}
        onClick={() => onInsert(name)}
      >
        <IconPlus size={14} />
      </ActionIcon>
    </Tooltip>
  );
}

function Columns({
  table,
  platforms,
  onInsert,
}: Pick<TableEntryProps, 'table' | 'platforms' | 'onInsert'>) {
  return (
    <Box className={classes.columns}>
      {table.denied && (
        <Text size="xs" mb={4}>
          {table.denied}
        </Text>
      )}
      {table.required.length > 0 && (
        <Text size="xs" mb={4}>
          Answers only with a condition on{' '}
          <Text span fw={600} ff="monospace" inherit>
            {table.required.join(' or ')}
          </Text>
          .
        </Text>
      )}
      {table.user_data && (
        <Text size="xs" mb={4}>
          Holds data per user: join it with users, or name a uid.
        </Text>
      )}
      <Box component="ul" p={0} m={0} style={{ listStyle: 'none' }}>
        {table.columns.map((column) => (
          <ColumnLine
            key={column.name}
            column={column}
            isHere={columnIsOn(column, platforms)}
            onInsert={onInsert}
          />
        ))}
      </Box>
      {table.url.startsWith('https://') && (
        <Anchor href={table.url} target="_blank" rel="noreferrer" size="xs" underline="always">
          In osquery’s documentation
        </Anchor>
      )}
    </Box>
  );
}

function ColumnLine({
  column,
  isHere,
  onInsert,
}: {
  column: SchemaColumn;
  isHere: boolean;
  onInsert: (name: string) => void;
}) {
  return (
    <Group component="li" gap={6} wrap="nowrap" className={classes.row}>
      <Text size="xs" ff="monospace" truncate td={isHere ? undefined : 'line-through'}>
        {column.name}
      </Text>
      <Text size="xs" c="dimmed" style={{ whiteSpace: 'nowrap' }}>
        {column.type.replace('_', ' ')}
      </Text>
      <Group gap={4} wrap="nowrap" flex={1} miw={0}>
        {column.required && (
          <Mark word="required" color="orange" meaning="The table answers only when it is given." />
        )}
        {column.hidden && <Mark word="hidden" color="gray" meaning="Not part of SELECT *." />}
        {column.denied && <Mark word="denied" color="red" meaning={column.denied} />}
        {column.platforms.length > 0 && (
          <Text size="xs" c="dimmed" truncate>
            {column.platforms.join(', ')}
          </Text>
        )}
      </Group>
      <Insert name={column.name} onInsert={onInsert} />
    </Group>
  );
}
