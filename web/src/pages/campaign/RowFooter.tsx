// SPDX-License-Identifier: Apache-2.0
// How many rows a grid shows of how many there are.

import { Button, Group, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { count, counted } from '@/lib/format';
import { useRestart } from './HostList';
import type { RowsResult } from './RowGrid';
import { GRID_ROWS_MAX } from './row-pages';

function words(loaded: number, total: number | null, isFiltered: boolean, more: boolean): string {
  if (total !== null && total > GRID_ROWS_MAX) {
    return `The first ${count(GRID_ROWS_MAX)} of ${counted(total, 'row')}: filter to see others, or export all of them.`;
  }
  if (!isFiltered) return counted(Math.max(loaded, total ?? 0), 'row');
  if (total !== null) return `${counted(total, 'row')} found`;
  return more ? `${counted(loaded, 'row')} found so far` : `${counted(loaded, 'row')} found`;
}

/** The line below a grid of rows. */
export function RowFooter({
  query,
  queryKey,
  loaded,
  total,
  isFiltered,
  note,
}: {
  query: RowsResult;
  queryKey: readonly unknown[];
  loaded: number;
  total: number | null;
  isFiltered: boolean;
  note: ReactNode;
}) {
  const restart = useRestart(queryKey);
  const hasChanged = query.isStale && !query.isFetching && !query.error;
  return (
    <Group justify="space-between" gap="xs" mt="xs" mih={30}>
      <Group gap="xs">
        <Text size="sm" c="dimmed">
          {words(loaded, total, isFiltered, query.hasNextPage)}
        </Text>
        {hasChanged && (
          <Button size="compact-sm" variant="light" onClick={restart}>
            Rows have come since · show them
          </Button>
        )}
      </Group>
      {note}
    </Group>
  );
}
