// SPDX-License-Identifier: Apache-2.0
// Rows of one or of all hosts in a grid: loaded as far as one scrolls, sorted and filtered on the
// server.

import { Alert, Button, Group, Loader, Text } from '@mantine/core';
import type { InfiniteData, UseInfiniteQueryResult } from '@tanstack/react-query';
import { type ReactNode, useCallback, useEffect, useMemo, useRef } from 'react';
import { asProblem } from '@/api/problem';
import type { RowPage } from '@/api/schema';
import { DataGrid, type GridColumn } from '@/components/grid';
import { Failure, Loading } from '@/components/states';
import { RowFooter } from './RowFooter';
import { offeredRows, type Row, RowIndex } from './row-pages';
import type { ResultsSearch } from './search';

/** The column that says which host a row is from. */
export const HOSTNAME = '_hostname';
const HEADERS: Record<string, string> = { [HOSTNAME]: 'host' };
/** Rows behind those in view that are loaded before they are reached. */
const ROWS_AHEAD = 100;
/** Filtered rows that are searched for without being asked: a screen of them. */
const FOUND_ROWS_MIN = 50;

/** What gives the rows. */
export type RowsResult = UseInfiniteQueryResult<InfiniteData<RowPage>>;

interface RowGridProps {
  label: string;
  query: RowsResult;
  queryKey: readonly unknown[];
  /** Whether rows say which host they are from. */
  stamped: boolean;
  /** All rows there are when nothing is filtered. */
  stored: number | null;
  wanted: ResultsSearch;
  onChange: (next: ResultsSearch) => void;
  /** The same function between renders. */
  cell: (row: Row, column: string) => ReactNode;
  text?: (row: Row, column: string) => string;
  height: number | string;
  toolbar?: ReactNode;
  /** Stands at the right end below the grid. */
  note?: ReactNode;
}

/** The union of the columns of all loaded pages: hosts may answer with other ones. */
function useColumns(pages: readonly RowPage[], stamped: boolean): GridColumn[] {
  const names = new Set(stamped ? [HOSTNAME] : []);
  for (const page of pages) for (const column of page.columns) names.add(column);
  // The same array while the names are the same, so that the grid does not place them anew.
  const key = JSON.stringify([...names]);
  return useMemo(
    () => (JSON.parse(key) as string[]).map((id) => ({ id, header: HEADERS[id] ?? id })),
    [key],
  );
}

const NO_PAGES: RowPage[] = [];

/** The grid. */
export function RowGrid(props: RowGridProps) {
  const { query, stamped, stored, wanted, onChange } = props;
  const pages = query.data?.pages ?? NO_PAGES;
  const index = useMemo(() => new RowIndex(pages), [pages]);
  const columns = useColumns(pages, stamped);
  const isFiltered = Boolean(wanted.contains || wanted.where);
  const isSorted = wanted.sort !== undefined;
  const total = isSorted || isFiltered ? (pages.at(-1)?.total ?? null) : stored;
  const rowCount = offeredRows({ loaded: index.loaded, total, isSorted });
  const onRange = useLoading(query, index.loaded, isFiltered ? FOUND_ROWS_MIN : 0);
  const refusal = query.error ? asProblem(query.error) : undefined;
  const isRefused = refusal?.code === 'invalid_request';
  const { where = {} } = wanted;
  if (refusal && !isRefused && !query.data) {
    return <Failure error={refusal} retry={() => void query.refetch()} />;
  }
  if (!query.data && !isRefused) return <Loading lines={8} />;
  return (
    <>
      {refusal && isRefused && (
        <Refusal
          detail={refusal.errors[0]?.message ?? refusal.detail}
          onReset={() =>
            onChange({ sort: undefined, order: undefined, where: undefined, contains: undefined })
          }
        />
      )}
      {refusal && !isRefused && (
        <Failure error={refusal} retry={() => void query.fetchNextPage()} />
      )}
      <DataGrid
        label={props.label}
        columns={columns}
        rowCount={rowCount}
        rowAt={(row) => index.at(row)}
        cell={props.cell}
        text={props.text}
        onRange={onRange}
        sort={wanted.sort ? { column: wanted.sort, order: wanted.order ?? 'asc' } : undefined}
        onSort={(sort) =>
          onChange({
            sort: sort?.column,
            order: sort?.order === 'desc' ? 'desc' : undefined,
          })
        }
        filters={where}
        onFilter={(column, filter) => {
          const { [column]: _, ...others } = where;
          const next = filter ? { ...others, [column]: filter } : others;
          onChange({ where: Object.keys(next).length > 0 ? next : undefined });
        }}
        hidden={wanted.hide}
        onHide={(hide) => onChange({ hide: hide.length > 0 ? hide : undefined })}
        height={props.height}
        toolbar={props.toolbar}
        empty={<NoRows isSearching={query.isFetching} isRefused={isRefused} />}
        dataKey={JSON.stringify(props.queryKey)}
      />
      <RowFooter
        query={query}
        queryKey={props.queryKey}
        loaded={index.loaded}
        total={total}
        isFiltered={isFiltered}
        note={props.note}
      />
    </>
  );
}

/**
 * Loads page after page until the rows in view are there, and with a filter until a screen is full:
 * a rare text is found page by page.
 */
function useLoading(query: RowsResult, loaded: number, atLeast: number) {
  const { hasNextPage, isFetching, isError, fetchNextPage } = query;
  const wanted = useRef(0);
  const canLoad = hasNextPage && !isFetching && !isError;
  const load = useCallback(() => {
    if (canLoad && loaded < Math.max(wanted.current, atLeast)) void fetchNextPage();
  }, [canLoad, loaded, atLeast, fetchNextPage]);
  useEffect(load, [load]);
  return useCallback(
    (_first: number, last: number) => {
      wanted.current = last + ROWS_AHEAD;
      load();
    },
    [load],
  );
}

function NoRows({ isSearching, isRefused }: { isSearching: boolean; isRefused: boolean }) {
  if (!isSearching) {
    return (
      <Text p="md">{isRefused ? '' : 'No row matches. Change the filters to see others.'}</Text>
    );
  }
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
