// SPDX-License-Identifier: Apache-2.0
// The rows of a live query in the grid: filtered and sorted here, drawn where they are seen.

import { Text } from '@mantine/core';
import { type ReactNode, useMemo } from 'react';
import { DataGrid } from '@/components/grid';
import { HostLink } from '@/components/HostLink';
import { count } from '@/lib/format';
import { columnId, HOST_COLUMN, type LiveRow, textOf } from './rows';
import type { Run } from './run';

/** Height of the grid: most of the window, but never less than a few rows. */
const HEIGHT = 'max(280px, calc(100vh - 480px))';
const HOST_WIDTH = 180;

/** Stays the same between renders, so that the grid draws only what changed. */
function cell(row: LiveRow, column: string): ReactNode {
  if (column !== HOST_COLUMN) return textOf(row, column);
  return <HostLink id={row.host.id} hostname={row.host.hostname} />;
}

/** The grid. `columns` are the names in their order. */
export function RowsGrid({ run, columns }: { run: Run; columns: readonly string[] }) {
  const { view, data, look } = run;
  const all = useMemo(
    () => [
      { id: HOST_COLUMN, header: 'Host', width: HOST_WIDTH },
      ...columns.map((name) => ({ id: columnId(name), header: name })),
    ],
    [columns],
  );
  return (
    <DataGrid<LiveRow>
      label="Rows of all hosts"
      columns={all}
      rowCount={view.shown.length}
      rowAt={(index) => data.rows[view.shown[index] ?? -1]}
      cell={cell}
      text={textOf}
      sort={view.sort}
      onSort={(sort) => run.choose(view.filters, sort)}
      filters={view.filters}
      onFilter={(column, text) => run.choose({ ...view.filters, [column]: text }, view.sort)}
      hidden={look.hidden}
      onHide={(hidden) => run.lookAt({ hidden })}
      height={HEIGHT}
      dataKey={`${run.id} ${view.key}`}
      empty={<Nothing run={run} />}
      toolbar={
        view.isFiltered && (
          <Text size="sm" role="status">
            {count(view.shown.length)} of {count(data.rows.length)} rows match the filter
          </Text>
        )
      }
    />
  );
}

function Nothing({ run }: { run: Run }) {
  const { rows, end, errors } = run.data;
  if (rows.length > 0) return <Text size="sm">No row matches the filter.</Text>;
  if (!end) return <Text size="sm">No rows yet. They appear as hosts answer.</Text>;
  return (
    <Text size="sm">
      {errors.length > 0
        ? 'No rows. Some hosts answered with an error; see the tab Errors.'
        : 'No host that answered has a row for this query.'}
    </Text>
  );
}
