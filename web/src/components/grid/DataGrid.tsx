// SPDX-License-Identifier: Apache-2.0
// biome-ignore-all lint/a11y/useSemanticElements: cells are placed by their coordinates, which the elements of a table cannot be
// The grid of result rows: any number of rows and columns, of which those in view are drawn. It
// holds no rows and neither sorts nor filters; it says what the reader wants and draws what it is
// given. The grid itself has the focus and names the active cell, so that the focus survives when
// that cell is scrolled out of view.

import { Group } from '@mantine/core';
import { useCallback, useEffect, useId, useMemo, useRef, useState } from 'react';
import { CellDialog, type OpenCell } from './CellDialog';
import { ColumnPicker } from './ColumnPicker';
import { FILTER_PX, GridHeading, HEADING_PX } from './GridHeading';
import { GridRow } from './GridRow';
import classes from './grid.module.css';
import { cellText, fitted } from './text';
import type { DataGridProps } from './types';
import { useCells } from './useCells';
import { useColumns } from './useColumns';
import { ROW_PX, useInnerSize, useRowWindow } from './useRowWindow';

/** Rows before the end at which more are asked for. */
const END_ROWS = 50;
const NONE: readonly string[] = [];
/** Room for a horizontal scrollbar, in px. */
const SCROLLBAR_PX = 16;
/** Room for what stands in place of rows, in px. */
const EMPTY_PX = 200;

/** Few rows take no more room than they need; a filter that leaves few moves nothing on the page. */
function gridHeight<Row>(props: DataGridProps<Row>, headingPx: number): string {
  const { height, rowCount, filters, empty } = props;
  const most = typeof height === 'number' ? `${height}px` : height;
  if (Object.values(filters ?? {}).some((text) => text !== '')) return most;
  const body = rowCount === 0 && empty ? EMPTY_PX : rowCount * ROW_PX;
  return `min(${most}, ${headingPx + body + SCROLLBAR_PX}px)`;
}

/** Keys: arrows, Home, End, PageUp, PageDown, with Ctrl to the ends; Enter opens, Ctrl-C copies. */
export function DataGrid<Row>(props: DataGridProps<Row>) {
  const { label, columns, rowCount, rowAt, cell, hidden = NONE, onHide, toolbar } = props;
  const id = useId();
  const [scroller, setScroller] = useState<HTMLDivElement | null>(null);
  const [filterFocus, setFilterFocus] = useState<string>();
  const [open, setOpen] = useState<OpenCell>();
  const headingPx = HEADING_PX + (props.onFilter ? FILTER_PX : 0);
  const headings = props.onFilter ? 2 : 1;

  const size = useInnerSize(scroller);
  const shownColumns = useMemo(
    () => columns.filter((column) => !hidden.includes(column.id)),
    [columns, hidden],
  );
  const placed = useColumns(scroller, shownColumns, size.width, filterFocus);
  const view = Math.max(ROW_PX, size.height - headingPx);
  const rows = useRowWindow(scroller, rowCount, view);
  useSeen(props, rows);

  const openCell = useCallback((column: string, text: string) => setOpen({ column, text }), []);
  const cells = useCells({ props, placed, rows, view, onOpen: openCell });
  const cellId = useCallback((row: number, column: number) => `${id}-${row}-${column}`, [id]);
  const { active } = cells;
  const drawn: number[] = [];
  for (let index = rows.window.first; index < rows.window.end; index += 1) drawn.push(index);
  const isDrawn =
    active !== undefined &&
    (active.row < 0 || (active.row >= rows.window.first && active.row < rows.window.end)) &&
    placed.shown.some((column) => column.index === active.column);

  return (
    <div>
      {(toolbar || onHide) && (
        <Group justify="space-between" gap="xs" mb="xs">
          <Group gap="xs" flex={1} miw={0}>
            {toolbar}
          </Group>
          {onHide && <ColumnPicker columns={columns} hidden={hidden} onHide={onHide} />}
        </Group>
      )}
      <div className={classes.frame}>
        <div
          ref={setScroller}
          role="grid"
          aria-label={label}
          aria-rowcount={rowCount + headings}
          aria-colcount={shownColumns.length}
          aria-activedescendant={isDrawn ? cellId(active.row, active.column) : undefined}
          tabIndex={0}
          className={classes.scroller}
          style={{ height: gridHeight(props, headingPx) }}
          {...cells.handlers}
        >
          <GridHeading
            {...props}
            columns={placed.shown}
            width={placed.width}
            activeColumn={active?.row === -1 ? active.column : undefined}
            cellId={cellId}
            onResize={placed.resize}
            onFit={(column) => {
              const header = columns.find((other) => other.id === column)?.header ?? '';
              const texts = drawn.map((index) => cellText(props, rowAt(index), column));
              placed.resize(column, fitted(header, texts));
            }}
            onFilterFocus={setFilterFocus}
          />
          <div
            role="rowgroup"
            className={classes.body}
            style={{ width: placed.width, height: rows.boxHeight }}
          >
            {drawn.map((index) => (
              <GridRow
                key={index}
                index={index}
                headings={headings}
                row={rowAt(index)}
                top={index * ROW_PX - rows.window.offset}
                columns={placed.shown}
                activeColumn={active?.row === index ? active.column : undefined}
                cell={cell}
                cellId={cellId}
              />
            ))}
          </div>
          {rowCount === 0 && props.empty && (
            <div className={classes.empty} style={{ width: size.width }}>
              {props.empty}
            </div>
          )}
        </div>
      </div>
      <CellDialog cell={open} onClose={() => setOpen(undefined)} />
    </div>
  );
}

/** Tells which rows are seen, and once for each count of rows that the last ones are. */
function useSeen<Row>(
  { rowCount, onEndReached, onRange }: DataGridProps<Row>,
  rows: ReturnType<typeof useRowWindow>,
): void {
  const told = useRef({ end: -1, first: -1, last: -1 });
  useEffect(() => {
    const { first, end } = rows.window;
    if (onRange && end > first && (told.current.first !== first || told.current.last !== end - 1)) {
      told.current = { ...told.current, first, last: end - 1 };
      onRange(first, end - 1);
    }
    if (onEndReached && end >= rowCount - END_ROWS && told.current.end !== rowCount) {
      told.current.end = rowCount;
      onEndReached();
    }
  }, [rows.window, rowCount, onEndReached, onRange]);
}
