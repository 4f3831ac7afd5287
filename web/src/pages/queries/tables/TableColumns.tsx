// SPDX-License-Identifier: Apache-2.0
// The columns of a table in the panel, with what they need and what is denied.

import { ActionIcon, Anchor, Badge, Box, Group, Text, Tooltip } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import type { Platform, SchemaColumn, SchemaTable } from '@/api/schema';
import { columnIsOn } from '@/components/sql/schema-index';
import classes from './tables.module.css';

/** Puts a name into the text. */
export function Insert({ name, onInsert }: { name: string; onInsert: (name: string) => void }) {
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

function Mark({ word, color, meaning }: { word: string; color: string; meaning: string }) {
  return (
    <Tooltip label={meaning}>
      <Badge size="xs" variant="outline" color={`${color}.8`} className={classes.mark} tt="none">
        {word}
      </Badge>
    </Tooltip>
  );
}

/** What is known of a table, and its columns. */
export function Columns({
  table,
  platforms,
  onInsert,
}: {
  table: SchemaTable;
  platforms: readonly Platform[] | undefined;
  onInsert: (name: string) => void;
}) {
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
