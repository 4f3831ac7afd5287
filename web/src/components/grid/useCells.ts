// SPDX-License-Identifier: Apache-2.0
// The active cell of a grid: moved by keys and the pointer, opened, copied.

import { type FocusEvent, type KeyboardEvent, type MouseEvent, useEffect, useState } from 'react';
import { notifyDone, notifyProblem } from '@/lib/notify';
import { nextSort } from './GridHeading';
import { HEADING, moved, type Position } from './keys';
import { cellText } from './text';
import type { DataGridProps } from './types';
import type { useColumns } from './useColumns';
import { ROW_PX, type useRowWindow } from './useRowWindow';

/** Px by which a key changes a column's width. */
const RESIZE_STEP_PX = 20;

interface Options<Row> {
  props: DataGridProps<Row>;
  placed: ReturnType<typeof useColumns>;
  rows: ReturnType<typeof useRowWindow>;
  /** Height in which rows are seen, in px. */
  view: number;
  onOpen: (column: string, text: string) => void;
}

function place(event: MouseEvent): Position | undefined {
  const cell = (event.target as Element).closest<HTMLElement>('[data-column]');
  if (!cell) return undefined;
  return { row: Number(cell.dataset.row), column: Number(cell.dataset.column) };
}

async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    notifyDone('The cell is copied.');
  } catch {
    notifyProblem(new Error('The browser does not let this page use the clipboard.'));
  }
}

/** The active cell and what moves it. */
export function useCells<Row>({ props, placed, rows, view, onOpen }: Options<Row>) {
  const { rowCount, rowAt, dataKey, sort, onSort } = props;
  const [active, setActive] = useState<Position>();
  // biome-ignore lint/correctness/useExhaustiveDependencies: other rows, other cells
  useEffect(() => {
    setActive(undefined);
    rows.reveal(0);
  }, [dataKey]);

  const textAt = ({ row, column }: Position) => {
    const id = placed.all[column]?.id;
    return id === undefined ? '' : cellText(props, rowAt(row), id);
  };
  const openAt = (at: Position) => {
    const column = placed.all[at.column];
    if (column && at.row >= 0 && rowAt(at.row) !== undefined) onOpen(column.header, textAt(at));
  };
  const go = (to: Position) => {
    setActive(to);
    if (to.row >= 0) rows.reveal(to.row);
    placed.reveal(to.column);
  };

  const onHeadingKey = (event: KeyboardEvent, at: Position): boolean => {
    const column = placed.all[at.column];
    if (!column) return false;
    if (event.key === 'Enter' && onSort) onSort(nextSort(column.id, sort));
    else if (event.shiftKey && event.key === 'ArrowLeft') {
      placed.resize(column.id, column.width - RESIZE_STEP_PX);
    } else if (event.shiftKey && event.key === 'ArrowRight') {
      placed.resize(column.id, column.width + RESIZE_STEP_PX);
    } else return false;
    return true;
  };

  const onKeyDown = (event: KeyboardEvent) => {
    // Fields and links inside the grid keep their keys.
    if (event.target !== event.currentTarget || event.altKey) return;
    const at = active ?? { row: Math.min(rows.seen().first, rowCount - 1), column: 0 };
    const control = event.ctrlKey || event.metaKey;
    const bounds = {
      rows: rowCount,
      columns: placed.all.length,
      page: Math.max(1, Math.floor(view / ROW_PX) - 1),
    };
    let handled = at.row === HEADING && onHeadingKey(event, at);
    if (!handled && event.key === 'Enter' && active) {
      openAt(active);
      handled = true;
    } else if (!handled && control && event.key.toLowerCase() === 'c') {
      // A selection made with the pointer is what the reader wants then.
      if (!active || active.row < 0 || !getSelection()?.isCollapsed) return;
      void copy(textAt(active));
      handled = true;
    } else if (!handled) {
      const to = moved(event.key, control, at, bounds);
      if (to) go(to);
      handled = to !== undefined;
    }
    if (handled) event.preventDefault();
  };

  const onMouseDown = (event: MouseEvent) => {
    const at = place(event);
    if (at) setActive(at);
  };
  const onClick = (event: MouseEvent) => {
    if (!(event.target as Element).closest('[data-open]')) return;
    const at = place(event);
    if (at) openAt(at);
  };
  const onDoubleClick = (event: MouseEvent) => {
    const at = place(event);
    if (at && !(event.target as Element).closest('a, button')) openAt(at);
  };
  const onFocus = (event: FocusEvent) => {
    if (event.target !== event.currentTarget || active || placed.all.length === 0) return;
    setActive({ row: rowCount > 0 ? rows.seen().first : HEADING, column: 0 });
  };
  return { active, handlers: { onKeyDown, onMouseDown, onClick, onDoubleClick, onFocus } };
}
