// SPDX-License-Identifier: Apache-2.0
// Next and previous page of a list that is read by cursors. The address holds the page's number
// and its cursor; cursors of pages that were walked through are remembered while the console is
// open. A page that was opened by its address alone leads back to the first one.

import { Button, Group, Text } from '@mantine/core';
import { IconChevronLeft, IconChevronRight, IconChevronsLeft } from '@tabler/icons-react';
import { useEffect } from 'react';
import { count } from '@/lib/format';
import { type RawSearch, text } from '@/lib/search';

/** Where in a list the reader is: what an address keeps of it. */
export interface PageSearch {
  /** From 2 on. */
  page?: number;
  /** The cursor that leads there. */
  after?: string;
}

/** Reads it; half of it is nothing. */
export function pageSearch(raw: RawSearch): PageSearch {
  const page = Number(raw.page);
  const after = text(raw.after);
  return Number.isInteger(page) && page > 1 && after ? { page, after } : {};
}

/** Cursors by list and page. */
const trails = new Map<string, Map<number, string>>();

function trailOf(list: string): Map<number, string> {
  const trail = trails.get(list) ?? new Map<number, string>();
  trails.set(list, trail);
  return trail;
}

interface PagerProps {
  /** Names the list with its filters: another filter, another way through it. */
  list: string;
  at: PageSearch;
  /** Items on this page, and on a full one. */
  items: number;
  size: number;
  total: number | null;
  nextCursor: string | null;
  onGo: (to: PageSearch) => void;
}

/** `101–200 of 12,345` and the buttons. */
export function Pager({ list, at, items, size, total, nextCursor, onGo }: PagerProps) {
  const page = at.page ?? 1;
  useEffect(() => {
    if (at.page && at.after) trailOf(list).set(at.page, at.after);
  }, [list, at.page, at.after]);
  const before = page === 2 ? undefined : trailOf(list).get(page - 1);
  const canGoBack = page === 2 || before !== undefined;
  const first = (page - 1) * size + 1;
  const range = items === 0 ? 'none' : `${count(first)}–${count(first + items - 1)}`;
  const back = (): PageSearch => (before === undefined ? {} : { page: page - 1, after: before });
  return (
    <Group justify="space-between" gap="sm">
      <Text size="sm" c="dimmed" aria-live="polite">
        {range}
        {total !== null && ` of ${count(total)}`}
      </Text>
      {(page > 1 || nextCursor !== null) && (
        <Group gap="xs">
          {page > 2 && (
            <Button
              size="xs"
              variant="default"
              leftSection={<IconChevronsLeft size={16} />}
              onClick={() => onGo({})}
            >
              First page
            </Button>
          )}
          <Button
            size="xs"
            variant="default"
            disabled={page === 1 || !canGoBack}
            leftSection={<IconChevronLeft size={16} />}
            onClick={() => onGo(back())}
          >
            Previous
          </Button>
          <Button
            size="xs"
            variant="default"
            disabled={nextCursor === null}
            rightSection={<IconChevronRight size={16} />}
            onClick={() => nextCursor && onGo({ page: page + 1, after: nextCursor })}
          >
            Next
          </Button>
        </Group>
      )}
    </Group>
  );
}
