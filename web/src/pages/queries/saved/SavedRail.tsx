// SPDX-License-Identifier: Apache-2.0
// The saved queries: searched, opened, and what else can be done with each.

import { Box, Button, Group, Stack, Text, Title } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { useIsAdmin } from '@/api/session';
import { SearchInput } from '@/components/SearchInput';
import { Failure, Loading } from '@/components/states';
import { count } from '@/lib/format';
import { useSavedQueries } from '../data';
import type { SavedAction } from './actions';
import { SavedRow } from './SavedRow';
import classes from './saved.module.css';

/** What the rail is given. */
export interface SavedRailProps {
  /** Text that is searched for. */
  q: string | undefined;
  onSearch: (q: string | undefined) => void;
  /** The one that is open. */
  openId: string | undefined;
  onAction: SavedAction;
  /** Begins an empty text. */
  onNew: () => void;
  /** Stands at the right of the heading; without it, the frame around has one of its own. */
  corner?: ReactNode;
}

/** The rail. Its list scrolls in its own box. */
export function SavedRail({ q, onSearch, openId, onAction, onNew, corner }: SavedRailProps) {
  const list = useSavedQueries(q);
  const isAdmin = useIsAdmin();
  const queries = list.data?.pages.flatMap((page) => page.items) ?? [];
  const total = list.data?.pages.at(-1)?.total;
  return (
    <Stack gap="xs" h="100%" mih={0}>
      {corner && (
        <Group justify="space-between" wrap="nowrap">
          <Title order={2} size="h5">
            Saved queries
          </Title>
          {corner}
        </Group>
      )}
      <SearchInput
        label="Search saved queries"
        size="xs"
        isPageSearch
        value={q ?? ''}
        onSearch={(text) => onSearch(text || undefined)}
      />
      <Button
        variant="default"
        size="xs"
        leftSection={<IconPlus size={14} aria-hidden />}
        onClick={onNew}
      >
        New query
      </Button>
      <Box className={classes.list}>
        {list.error && !list.data && (
          <Failure error={list.error} retry={() => void list.refetch()} />
        )}
        {list.isPending && <Loading lines={5} />}
        {list.data && queries.length === 0 && <None isSearch={Boolean(q)} isAdmin={isAdmin} />}
        <Stack component="ul" gap={2} p={0} m={0} style={{ listStyle: 'none' }}>
          {queries.map((query) => (
            <SavedRow
              key={query.id}
              query={query}
              isOpen={query.id === openId}
              onAction={onAction}
            />
          ))}
        </Stack>
        {list.hasNextPage && (
          <Button
            variant="subtle"
            size="xs"
            fullWidth
            mt="xs"
            loading={list.isFetchingNextPage}
            onClick={() => void list.fetchNextPage()}
          >
            More ({count(queries.length)}
            {total != null && ` of ${count(total)}`})
          </Button>
        )}
      </Box>
    </Stack>
  );
}

function None({ isSearch, isAdmin }: { isSearch: boolean; isAdmin: boolean }) {
  const toDo = isAdmin
    ? 'Write a query and save it: it can then be run again, and launched as a campaign.'
    : 'Administrators save queries here that are asked again and again.';
  return (
    <Text size="sm" c="dimmed" p="xs">
      {isSearch
        ? 'No saved query has this text in its name, description or SQL.'
        : `No saved queries yet. ${toDo}`}
    </Text>
  );
}
