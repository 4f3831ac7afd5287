// SPDX-License-Identifier: Apache-2.0
// Widths of columns, and which of them are in view. A table of hundreds of columns draws those that
// are seen, and the one that has the focus.

import { defaultRangeExtractor, type Range, useVirtualizer } from '@tanstack/react-virtual';
import { useCallback, useLayoutEffect, useMemo, useState } from 'react';
import type { GridColumn } from './types';

/** Least width of a column in px. */
export const COLUMN_PX_MIN = 60;
/** Widest a column gets by itself, in px. */
const COLUMN_PX_AUTO_MAX = 600;
/** Room of one character and of what surrounds the text, in px. */
const CHARACTER_PX = 7.4;
const PADDING_PX = 24;
/** Room of the mark of sorting and of the handle, in px. */
const HEADING_EXTRA_PX = 28;

/** A column with its place. */
export interface PlacedColumn extends GridColumn {
  /** Among the shown columns. */
  index: number;
  left: number;
  width: number;
}

/** Room that a text of so many characters wants, in px. */
export function textWidth(characters: number): number {
  const wanted = Math.round(characters * CHARACTER_PX + PADDING_PX);
  return Math.max(COLUMN_PX_MIN, Math.min(wanted, COLUMN_PX_AUTO_MAX));
}

function defaultWidth({ header, width }: GridColumn): number {
  return width ?? Math.max(130, textWidth(header.length) + HEADING_EXTRA_PX);
}

/** Places columns one after the other; what is left of the box's width is given to all of them. */
export function placed(
  columns: readonly GridColumn[],
  widths: ReadonlyMap<string, number>,
  boxWidth: number,
): PlacedColumn[] {
  const own = columns.map((column) => widths.get(column.id) ?? defaultWidth(column));
  const total = own.reduce((sum, width) => sum + width, 0);
  // Once the reader has set a width, nothing moves by itself any more.
  const share = widths.size === 0 && total > 0 && boxWidth > total ? boxWidth / total : 1;
  let left = 0;
  return columns.map((column, index) => {
    const width = Math.floor((own[index] ?? COLUMN_PX_MIN) * share);
    const place = { ...column, index, left, width };
    left += width;
    return place;
  });
}

/** Follows the scroller sideways. `pinned` is drawn even when it is out of view. */
export function useColumns(
  scroller: HTMLElement | null,
  columns: readonly GridColumn[],
  boxWidth: number,
  pinned: string | undefined,
) {
  const [widths, setWidths] = useState<ReadonlyMap<string, number>>(new Map());
  const all = useMemo(() => placed(columns, widths, boxWidth), [columns, widths, boxWidth]);
  const last = all.at(-1);
  const pinnedIndex = pinned === undefined ? -1 : all.findIndex(({ id }) => id === pinned);
  const rangeExtractor = useCallback(
    (range: Range) => {
      const shown = defaultRangeExtractor(range);
      if (pinnedIndex < 0 || shown.includes(pinnedIndex)) return shown;
      return [...shown, pinnedIndex].sort((one, other) => one - other);
    },
    [pinnedIndex],
  );
  const virtualizer = useVirtualizer({
    horizontal: true,
    count: all.length,
    getScrollElement: () => scroller,
    estimateSize: (index) => all[index]?.width ?? COLUMN_PX_MIN,
    overscan: 2,
    rangeExtractor,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: measured anew when places change
  useLayoutEffect(() => virtualizer.measure(), [virtualizer, all]);

  const key = virtualizer.getVirtualIndexes().join(' ');
  const shown = useMemo(
    () => (key === '' ? [] : key.split(' ').flatMap((index) => all[Number(index)] ?? [])),
    [key, all],
  );

  /** Sets a width; all others stay what they are now. */
  const resize = useCallback(
    (columnId: string, width: number) => {
      setWidths((before) => {
        const next = new Map(before);
        if (next.size === 0) for (const column of all) next.set(column.id, column.width);
        return next.set(columnId, Math.max(COLUMN_PX_MIN, Math.round(width)));
      });
    },
    [all],
  );

  /** Brings a column into view by the shortest way. */
  const reveal = useCallback(
    (index: number) => {
      const column = all[index];
      if (!column || !scroller) return;
      const { scrollLeft, clientWidth } = scroller;
      if (column.left < scrollLeft) scroller.scrollLeft = column.left;
      else if (column.left + column.width > scrollLeft + clientWidth) {
        scroller.scrollLeft = Math.min(column.left, column.left + column.width - clientWidth);
      }
    },
    [all, scroller],
  );

  return { all, shown, width: last ? last.left + last.width : 0, resize, reveal };
}
