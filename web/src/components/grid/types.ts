// SPDX-License-Identifier: Apache-2.0
// What a grid is given.

import type { ReactNode } from 'react';

/** One column. */
export interface GridColumn {
  /** Its key in the rows. */
  id: string;
  /** Its heading. Shown as untrusted text: names of columns come from answers, too. */
  header: string;
  /** Width in px until the reader changes it; from the heading's length without it. */
  width?: number;
}

/** By which column rows are sorted. */
export interface GridSort {
  column: string;
  order: 'asc' | 'desc';
}

/** See `DataGrid`. */
export interface DataGridProps<Row> {
  /** What the rows are; the grid's name for screen readers. */
  label: string;
  /** All columns, in order; also those in `hidden`. */
  columns: readonly GridColumn[];
  /** How many rows there are, loaded or not. */
  rowCount: number;
  /** A row; `undefined` while it is not loaded. */
  rowAt: (index: number) => Row | undefined;
  /**
   * What a cell shows. A string is host text: cut, made visible, opened in full on demand. Give a
   * function that stays the same between renders, or every row renders anew.
   */
  cell: (row: Row, columnId: string) => ReactNode;
  /** The text of a cell whose `cell` is not a string, for copying and opening. */
  text?: (row: Row, columnId: string) => string;
  /** The last rows come into view: more may be appended. Called once for each `rowCount`. */
  onEndReached?: () => void;
  /** Which rows are in view, so that they can be loaded. */
  onRange?: (first: number, last: number) => void;
  sort?: GridSort;
  /** Makes headings sort; `undefined` is the order of arrival. */
  onSort?: (next: GridSort | undefined) => void;
  /** Text by which each column is filtered. */
  filters?: Readonly<Record<string, string>>;
  /** Brings a row of filters; called when typing pauses. An empty text is no filter. */
  onFilter?: (columnId: string, text: string) => void;
  /** Columns that are not shown. */
  hidden?: readonly string[];
  /** Brings the menu of columns. */
  onHide?: (columnIds: string[]) => void;
  /** Height of the box at most, in px or as CSS; few rows take less. */
  height: number | string;
  /** Stands above the grid, left of the menu of columns. */
  toolbar?: ReactNode;
  /** Stands in place of rows when there are none. */
  empty?: ReactNode;
  /** When this changes the rows are other rows: back to the top, nothing selected. */
  dataKey?: string;
}
