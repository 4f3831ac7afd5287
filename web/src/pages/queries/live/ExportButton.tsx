// SPDX-License-Identifier: Apache-2.0
// The rows as a CSV file, made here: the server keeps nothing of a live query.

import { Button, Menu } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import { csvFile, download } from '@/components/grid/csv';
import { count } from '@/lib/format';
import { columnId, type LiveRow, textOf } from './rows';
import type { Run } from './run';

function* lines(rows: Iterable<LiveRow>, columns: readonly string[]): Iterable<string[]> {
  const ids = columns.map(columnId);
  for (const row of rows) {
    yield [row.host.id, row.host.hostname, ...ids.map((id) => textOf(row, id))];
  }
}

function save(run: Run, columns: readonly string[], places: readonly number[] | undefined): void {
  const { rows } = run.data;
  const wanted = places?.flatMap((place) => rows[place] ?? []) ?? rows;
  const started = run.query?.created_at ?? new Date().toISOString();
  const name = `mimir-live-${started.slice(0, 19).replaceAll(':', '')}.csv`;
  download(csvFile(['_host_id', '_hostname', ...columns], lines(wanted, columns)), name);
}

/** Asks which rows are meant when a filter is set. */
export function ExportButton({ run, columns }: { run: Run; columns: readonly string[] }) {
  const all = run.data.rows.length;
  const shown = run.view.shown.length;
  const button = (onClick?: () => void) => (
    <Button
      size="xs"
      variant="default"
      leftSection={<IconDownload size={14} aria-hidden />}
      disabled={all === 0}
      onClick={onClick}
    >
      Export CSV
    </Button>
  );
  if (!run.view.isFiltered) return button(() => save(run, columns, undefined));
  return (
    <Menu position="bottom-end" withInitialFocusPlaceholder={false}>
      <Menu.Target>{button()}</Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => save(run, columns, run.view.shown)}>
          Filtered rows ({count(shown)})
        </Menu.Item>
        <Menu.Item onClick={() => save(run, columns, undefined)}>All rows ({count(all)})</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
