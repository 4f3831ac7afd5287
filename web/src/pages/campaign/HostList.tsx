// SPDX-License-Identifier: Apache-2.0
// A list of hosts of a campaign: any length, loaded while one scrolls, kept fresh by events.

import { Button, Group, Stack, Text } from '@mantine/core';
import {
  type InfiniteData,
  type UseInfiniteQueryResult,
  useQueryClient,
} from '@tanstack/react-query';
import { type ReactNode, useMemo } from 'react';
import { DataGrid, type GridColumn } from '@/components/grid';
import { Failure, Loading } from '@/components/states';
import { count } from '@/lib/format';

/** Height of the box of rows in px, at the most and at the least. */
const BOX_PX = { max: 360, min: 130 };
/** Heights of a row, and of headings with a scrollbar, in px. */
const ROW_PX = 30;
const FRAME_PX = 52;

interface ListPage<Item> {
  items: Item[];
  next_cursor: string | null;
  total: number | null;
}

/** What a paged query gives. */
export type PagedQuery<Item> = UseInfiniteQueryResult<InfiniteData<ListPage<Item>>>;

/** All loaded items of a paged query. */
export function useItems<Item>(query: PagedQuery<Item>): Item[] {
  const { data } = query;
  return useMemo(() => data?.pages.flatMap((page) => page.items) ?? [], [data]);
}

/** Reads a list again from its beginning. */
export function useRestart(queryKey: readonly unknown[]): () => void {
  const client = useQueryClient();
  return () => {
    // Only its first page: whoever has scrolled through a hundred does not wait for all of them.
    client.setQueryData<InfiniteData<unknown>>(queryKey, (data) =>
      data ? { pages: data.pages.slice(0, 1), pageParams: data.pageParams.slice(0, 1) } : data,
    );
    void client.refetchQueries({ queryKey, exact: true });
  };
}

/** The list. `cell` must be the same function between renders. */
export function HostList<Item>({
  label,
  query,
  queryKey,
  columns,
  cell,
  text,
  empty,
}: {
  label: string;
  query: PagedQuery<Item>;
  queryKey: readonly unknown[];
  columns: readonly GridColumn[];
  cell: (item: Item, column: string) => ReactNode;
  text: (item: Item, column: string) => string;
  empty: ReactNode;
}) {
  const items = useItems(query);
  const restart = useRestart(queryKey);
  if (!query.data) {
    if (!query.error) return <Loading lines={5} />;
    return <Failure error={query.error} retry={() => void query.refetch()} />;
  }
  const wanted = items.length * ROW_PX + FRAME_PX;
  return (
    <Stack gap="xs">
      {query.error && <Failure error={query.error} retry={() => void query.refetch()} />}
      {items.length === 0 ? (
        empty
      ) : (
        <DataGrid
          label={label}
          columns={columns}
          rowCount={items.length}
          rowAt={(index) => items[index]}
          cell={cell}
          text={text}
          onEndReached={() => {
            if (query.hasNextPage && !query.isFetchingNextPage) void query.fetchNextPage();
          }}
          height={Math.min(BOX_PX.max, Math.max(BOX_PX.min, wanted))}
          dataKey={JSON.stringify(queryKey)}
        />
      )}
      <ListFooter
        shown={items.length}
        total={query.data.pages.at(-1)?.total ?? null}
        hasMore={query.hasNextPage}
        isLoading={query.isFetchingNextPage}
        hasChanged={query.isStale && !query.isFetching && !query.error}
        onMore={() => void query.fetchNextPage()}
        onRestart={restart}
      />
    </Stack>
  );
}

/** How much of a list is shown, and what can be done when that is not all. */
export function ListFooter({
  shown,
  total,
  hasMore,
  isLoading,
  hasChanged,
  onMore,
  onRestart,
}: {
  shown: number;
  total: number | null;
  hasMore: boolean;
  isLoading: boolean;
  hasChanged: boolean;
  onMore: () => void;
  onRestart: () => void;
}) {
  if (shown === 0 && !hasMore && !hasChanged) return null;
  const all = total !== null && total > shown ? ` of ${count(total)}` : '';
  return (
    <Group justify="space-between" gap="xs" mih={30}>
      <Text size="sm" c="dimmed">
        {hasMore || all ? `Showing ${count(shown)}${all}` : `${count(shown)} in all`}
      </Text>
      <Group gap="xs">
        {hasChanged && (
          <Button size="compact-sm" variant="light" onClick={onRestart}>
            Changed since · show the newest
          </Button>
        )}
        {hasMore && (
          <Button size="compact-sm" variant="default" loading={isLoading} onClick={onMore}>
            Load more
          </Button>
        )}
      </Group>
    </Group>
  );
}
