// SPDX-License-Identifier: Apache-2.0
// biome-ignore-all lint/a11y/useSemanticElements: cells are placed by their coordinates, which the elements of a table cannot be
// biome-ignore-all lint/a11y/useFocusableInteractive: the grid has the focus and names its active cell
// One row of a grid.

import { memo, type ReactNode } from 'react';
import { Untrusted } from '@/components/Untrusted';
import { CELL_CHARS } from '@/lib/untrusted';
import classes from './grid.module.css';
import type { PlacedColumn } from './useColumns';

interface RowProps<Row> {
  index: number;
  /** Rows of headings above it. */
  headings: number;
  row: Row | undefined;
  top: number;
  columns: readonly PlacedColumn[];
  activeColumn: number | undefined;
  cell: (row: Row, columnId: string) => ReactNode;
  cellId: (row: number, column: number) => string;
}

function RowOf<Row>(props: RowProps<Row>) {
  const { index, headings, row, top, columns, activeColumn, cell, cellId } = props;
  return (
    <div
      role="row"
      aria-rowindex={index + headings + 1}
      aria-busy={row === undefined || undefined}
      className={classes.row}
      style={{ transform: `translateY(${top}px)` }}
    >
      {columns.map((column) => (
        <GridCell
          key={column.id}
          index={index}
          row={row}
          column={column}
          active={activeColumn === column.index}
          cell={cell}
          cellId={cellId}
        />
      ))}
    </div>
  );
}

interface CellProps<Row> extends Pick<RowProps<Row>, 'index' | 'row' | 'cell' | 'cellId'> {
  column: PlacedColumn;
  active: boolean;
}

function CellOf<Row>({ index, row, column, active, cell, cellId }: CellProps<Row>) {
  const content = row === undefined ? undefined : cell(row, column.id);
  const cut = typeof content === 'string' && content.length > CELL_CHARS;
  const names = [classes.cell, active && classes.active, cut && classes.cutCell];
  return (
    <div
      role="gridcell"
      id={cellId(index, column.index)}
      aria-colindex={column.index + 1}
      aria-selected={active}
      data-row={index}
      data-column={column.index}
      className={names.filter(Boolean).join(' ')}
      style={{ left: column.left, width: column.width }}
    >
      {row === undefined ? (
        <span className={classes.missing} />
      ) : (
        <CellContent content={content} cut={cut} />
      )}
    </div>
  );
}

/** Scrolling sideways draws the cells that come into view, not those that stay. */
const GridCell = memo(CellOf) as typeof CellOf;

function CellContent({ content, cut }: { content: ReactNode; cut: boolean }) {
  if (typeof content !== 'string') return content;
  return (
    <>
      <Untrusted text={content} />
      {cut && (
        <button
          type="button"
          tabIndex={-1}
          className={classes.open}
          aria-label="Show the full text"
          title="Show the full text"
          data-open
        >
          …
        </button>
      )}
    </>
  );
}

/** Drawn anew only when something of it changed; `cell` and `cellId` must stay the same. */
export const GridRow = memo(RowOf) as typeof RowOf;
