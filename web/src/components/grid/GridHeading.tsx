// SPDX-License-Identifier: Apache-2.0
// biome-ignore-all lint/a11y/useSemanticElements: cells are placed by their coordinates, which the elements of a table cannot be
// biome-ignore-all lint/a11y/useFocusableInteractive: the grid has the focus and names its active cell
// The headings of a grid: names, sorting, widths, and the row of filters.

import { TextInput } from '@mantine/core';
import { IconArrowDown, IconArrowUp } from '@tabler/icons-react';
import { type PointerEvent as ReactPointerEvent, useEffect, useRef, useState } from 'react';
import { Untrusted } from '@/components/Untrusted';
import { excerpt } from '@/lib/untrusted';
import classes from './grid.module.css';
import { HEADING } from './keys';
import type { DataGridProps, GridSort } from './types';
import type { PlacedColumn } from './useColumns';

/** Height of the row of headings in px, with its border where it is the last row. */
export const HEADING_PX = 35;
/** Height of the row of filters in px. */
export const FILTER_PX = 36;
/** Pause in typing after which a filter is applied, in ms. */
const FILTER_PAUSE_MS = 300;
/** Characters of a heading. */
const HEADING_CHARS = 80;

/** Up, down, unsorted. */
export function nextSort(column: string, now: GridSort | undefined): GridSort | undefined {
  if (now?.column !== column) return { column, order: 'asc' };
  return now.order === 'asc' ? { column, order: 'desc' } : undefined;
}

type HeadingProps = Pick<DataGridProps<unknown>, 'sort' | 'onSort' | 'filters' | 'onFilter'> & {
  columns: readonly PlacedColumn[];
  width: number;
  activeColumn: number | undefined;
  cellId: (row: number, column: number) => string;
  onResize: (columnId: string, width: number) => void;
  onFit: (columnId: string) => void;
  onFilterFocus: (columnId: string | undefined) => void;
};

/** Both rows. */
export function GridHeading(props: HeadingProps) {
  const { columns, width, filters, onFilter, onFilterFocus } = props;
  return (
    <div role="rowgroup" className={classes.heading} style={{ width }}>
      <div role="row" aria-rowindex={1} className={classes.headingRow}>
        {columns.map((column) => (
          <HeadingCell key={column.id} column={column} {...props} />
        ))}
      </div>
      {onFilter && (
        <div role="row" aria-rowindex={2} className={classes.filterRow}>
          {columns.map((column) => (
            <Filter
              key={column.id}
              column={column}
              text={filters?.[column.id] ?? ''}
              onFilter={onFilter}
              onFocus={onFilterFocus}
            />
          ))}
        </div>
      )}
    </div>
  );
}

function ariaSort(sort: GridSort | undefined, column: string) {
  if (sort?.column !== column) return 'none';
  return sort.order === 'asc' ? 'ascending' : 'descending';
}

function HeadingCell(props: HeadingProps & { column: PlacedColumn }) {
  const { column, sort, onSort, activeColumn, cellId, onResize, onFit } = props;
  const Mark = sort?.order === 'desc' ? IconArrowDown : IconArrowUp;
  const name = (
    <span className={classes.headingText}>
      <Untrusted text={column.header} max={HEADING_CHARS} />
    </span>
  );
  return (
    <div
      role="columnheader"
      id={cellId(HEADING, column.index)}
      aria-colindex={column.index + 1}
      aria-sort={onSort ? ariaSort(sort, column.id) : undefined}
      title={excerpt(column.header, HEADING_CHARS).text}
      className={`${classes.headingCell} ${activeColumn === column.index ? classes.active : ''}`}
      style={{ left: column.left, width: column.width }}
    >
      {onSort ? (
        <button
          type="button"
          tabIndex={-1}
          className={classes.sort}
          onClick={() => onSort(nextSort(column.id, sort))}
        >
          {name}
          {sort?.column === column.id && <Mark size={14} aria-hidden style={{ flex: 'none' }} />}
        </button>
      ) : (
        name
      )}
      <div
        aria-hidden
        className={classes.handle}
        onPointerDown={(event) => drag(event, column, onResize)}
        onDoubleClick={() => onFit(column.id)}
      />
    </div>
  );
}

/** Follows the pointer until it is let go; a frame's movements make one change. */
function drag(
  event: ReactPointerEvent<HTMLElement>,
  column: PlacedColumn,
  onResize: (columnId: string, width: number) => void,
): void {
  if (event.button !== 0) return;
  event.preventDefault();
  const handle = event.currentTarget;
  handle.setPointerCapture(event.pointerId);
  const from = event.clientX;
  let width = column.width;
  let frame = 0;
  const onMove = (move: PointerEvent) => {
    width = column.width + move.clientX - from;
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(() => onResize(column.id, width));
  };
  const onEnd = () => {
    handle.removeEventListener('pointermove', onMove);
    handle.removeEventListener('pointerup', onEnd);
    handle.removeEventListener('pointercancel', onEnd);
  };
  handle.addEventListener('pointermove', onMove);
  handle.addEventListener('pointerup', onEnd);
  handle.addEventListener('pointercancel', onEnd);
}

function Filter({
  column,
  text,
  onFilter,
  onFocus,
}: {
  column: PlacedColumn;
  text: string;
  onFilter: (columnId: string, text: string) => void;
  onFocus: (columnId: string | undefined) => void;
}) {
  const [draft, setDraft] = useState(text);
  const [given, setGiven] = useState(text);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  // The filter was changed elsewhere (the address, *clear all*): that is what counts now.
  if (given !== text) {
    setGiven(text);
    setDraft(text);
  }
  useEffect(() => () => clearTimeout(timer.current), []);
  const apply = (wanted: string) => {
    clearTimeout(timer.current);
    if (wanted !== text) onFilter(column.id, wanted);
  };
  const change = (wanted: string) => {
    setDraft(wanted);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => apply(wanted), FILTER_PAUSE_MS);
  };
  return (
    <div
      role="gridcell"
      aria-colindex={column.index + 1}
      className={classes.filterCell}
      style={{ left: column.left, width: column.width }}
    >
      <TextInput
        size="xs"
        aria-label={`Filter ${excerpt(column.header, HEADING_CHARS).text}`}
        placeholder="Filter"
        value={draft}
        onChange={(event) => change(event.currentTarget.value)}
        onFocus={() => onFocus(column.id)}
        onBlur={() => {
          onFocus(undefined);
          apply(draft);
        }}
        onKeyDown={(event) => {
          if (event.key === 'Enter') apply(draft);
        }}
      />
    </div>
  );
}
