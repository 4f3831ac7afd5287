// SPDX-License-Identifier: Apache-2.0
// Which columns are shown. One always is.

import { Button, Checkbox, Group, Popover, ScrollArea, Stack, TextInput } from '@mantine/core';
import { IconColumns3 } from '@tabler/icons-react';
import { useState } from 'react';
import { Untrusted } from '@/components/Untrusted';
import type { GridColumn } from './types';

/** Columns from which on a field to search them is worth its place. */
const SEARCH_FROM = 10;

/** A button that opens the list. */
export function ColumnPicker({
  columns,
  hidden,
  onHide,
}: {
  columns: readonly GridColumn[];
  hidden: readonly string[];
  onHide: (columnIds: string[]) => void;
}) {
  const [wanted, setWanted] = useState('');
  const shown = columns.filter(({ id }) => !hidden.includes(id));
  const found = columns.filter(({ header }) =>
    header.toLowerCase().includes(wanted.trim().toLowerCase()),
  );
  const toggle = (id: string, show: boolean) =>
    onHide(show ? hidden.filter((other) => other !== id) : [...hidden, id]);
  const label = hidden.length > 0 ? `Columns (${shown.length} of ${columns.length})` : 'Columns';
  return (
    <Popover position="bottom-end" width={260} trapFocus returnFocus withinPortal shadow="md">
      <Popover.Target>
        <Button size="xs" variant="default" leftSection={<IconColumns3 size={16} />}>
          {label}
        </Button>
      </Popover.Target>
      <Popover.Dropdown p="xs" aria-label="Columns">
        <Stack gap="xs">
          {columns.length >= SEARCH_FROM && (
            <TextInput
              size="xs"
              aria-label="Search columns"
              placeholder="Search columns"
              value={wanted}
              onChange={(event) => setWanted(event.currentTarget.value)}
            />
          )}
          <ScrollArea.Autosize mah={320} type="auto">
            <Stack gap={6} p={4}>
              {found.map(({ id, header }) => {
                const isShown = !hidden.includes(id);
                return (
                  <Checkbox
                    key={id}
                    size="xs"
                    label={<Untrusted text={header} max={60} />}
                    checked={isShown}
                    disabled={isShown && shown.length === 1}
                    onChange={(event) => toggle(id, event.currentTarget.checked)}
                  />
                );
              })}
            </Stack>
          </ScrollArea.Autosize>
          <Group grow>
            <Button
              size="xs"
              variant="default"
              disabled={hidden.length === 0}
              onClick={() => onHide([])}
            >
              Show all
            </Button>
          </Group>
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}
