// SPDX-License-Identifier: Apache-2.0
// Rows of one or of all hosts in a grid: loaded while one scrolls, sorted and filtered on the
// server.

import { Alert, Button, Group, Loader, Text } from '@mantine/core';
import type { InfiniteData, UseInfiniteQueryResult } from '@tanstack/react-query';
import { type ReactNode, useEffect, useMemo } from 'react';
import { asProblem } from '@/api/problem';
import type { RowPage } from '@/api/schema';
import { DataGrid, type GridColumn } from '@/components/grid';
import { Failure, Loading } from '@/components/states';
import { PAGE_ROWS } from './data';
import { useItems } from './HostList';
import type { ResultsSearch } from './search';

/** A row: column to text. */
export type Row = Record<string, string>;

/** The column that says which host a row is from. */
export const HOSTNAME = '_hostname';
const HEADERS: Record<string, string> = { [HOSTNAME]: 'host' };
/** Filtered rows that are searched for without being asked: a screen of them. */
const FOUND_ROWS_MIN = 50;

/** The union of the columns of all loaded pages: hosts may answer with other ones. */
export function columnsOf(pages: readonly RowPage[], stamped: boolean): GridColumn[] {
  const names = new Set(stamped ? [HOSTNAME] : []);
  for (const page of pages) for (const column of page.columns) names.add(column);
  return [...names].map((id) => ({ id, header: HEADERS[id] ?? id }));
}

/** The grid. `cell` must be the same function between renders. */
export function RowGrid({
  label,
  query,
  queryKey,
  stamped,
  wanted,
  onChange,
  cell,
  text,
  height,
  toolbar,
  empty,
}: {
  label: string;
  query: UseInfiniteQueryResult<InfiniteData<RowPage>>;
  queryKey: readonly unknown[];
  /** Whether rows say which host they are from. */
  stamped: boolean;
  wanted: ResultsSearch;
  onChange: (next: ResultsSearch) => void;
  cell: (row: Row, column: string) => ReactNode;
  text?: (row: Row, column: string) => string;
  height: number | string;
  toolbar?: ReactNode;
  /** A sentence for when no row is wanted. */
  empty: string;
}) {
  const rows = useItems(query);
  const { data } = query;
  const columns = useMemo(() => columnsOf(data?.pages ?? [], stamped), [data, stamped]);
  useSearchOn(query, rows.length, Boolean(wanted.contains || wanted.where));
  const { where = {} } = wanted;
  const unsorted = { sort: undefined, order: undefined };
  const refusal = query.error ? asProblem(query.error) : undefined;
  const refused = refusal?.code === 'invalid_request';
  if (!data && !refused) {
    if (!refusal) return <Loading lines={8} />;
    return <Failure error={refusal} retry={() => void query.refetch()} />;
  }
  return (
    <>
      {refusal && (
        <Refusal
          detail={refusal.errors[0]?.message ?? refusal.detail}
          onReset={() => onChange({ ...unsorted, where: undefined, contains: undefined })}
        />
      )}
      <DataGrid
        label={label}
        columns={columns}
        rowCount={rows.length}
        rowAt={(index) => rows[index]}
        cell={cell}
        text={text}
        onEndReached={() => {
          if (query.hasNextPage && !query.isFetchingNextPage) void query.fetchNextPage();
        }}
        sort={wanted.sort ? { column: wanted.sort, order: wanted.order ?? 'asc' } : undefined}
        onSort={(sort) =>
          onChange(
            sort
              ? { sort: sort.column, order: sort.order === 'desc' ? 'desc' : undefined }
              : unsorted,
          )
        }
        filters={where}
        onFilter={(column, filter) => {
          const { [column]: _, ...others } = where;
          const next = filter ? { ...others, [column]: filter } : others;
          onChange({ where: Object.keys(next).length > 0 ? next : undefined });
        }}
        hidden={wanted.hide}
        onHide={(hide) => onChange({ hide: hide.length > 0 ? hide : undefined })}
        height={height}
        toolbar={toolbar}
        empty={query.isFetching ? <Searching /> : <Text p="md">{refused ? '' : empty}</Text>}
        dataKey={JSON.stringify(queryKey)}
      />
    </>
  );
}

/** A rare text is found page by page: goes on until a screen is full or all rows were looked at. */
function useSearchOn(
  query: UseInfiniteQueryResult<InfiniteData<RowPage>>,
  found: number,
  isFiltered: boolean,
): void {
  const { hasNextPage, isFetching, isError, fetchNextPage } = query;
  const short = (query.data?.pages.at(-1)?.items.length ?? 0) < PAGE_ROWS;
  const wants = isFiltered && hasNextPage && !isFetching && !isError && short;
  useEffect(() => {
    if (wants && found < FOUND_ROWS_MIN) void fetchNextPage();
  }, [wants, found, fetchNextPage]);
}

/** That rows are being looked for. */
function Searching() {
  return (
    <Group gap="xs" justify="center" p="md">
      <Loader size="xs" aria-hidden />
      <Text size="sm" c="dimmed" role="status">
        Searching all rows…
      </Text>
    </Group>
  );
}

function Refusal({ detail, onReset }: { detail: string; onReset: () => void }) {
  return (
    <Alert color="yellow" role="alert" mb="xs">
      <Group justify="space-between">
        <span>{detail}</span>
        <Button size="compact-sm" variant="default" onClick={onReset}>
          Show all rows in order of arrival
        </Button>
      </Group>
    </Alert>
  );
}
