// SPDX-License-Identifier: Apache-2.0
// Where a key leads in a grid. Pure.

/** A cell by its row and its place among the shown columns; row -1 is the heading. */
export interface Position {
  row: number;
  column: number;
}

/** What there is to move in. */
export interface Bounds {
  rows: number;
  columns: number;
  /** Rows that a page key moves by. */
  page: number;
}

/** Row of the headings. */
export const HEADING = -1;

/** Where the key leads from `at`; `undefined` for a key that does not move. */
export function moved(
  key: string,
  control: boolean,
  at: Position,
  bounds: Bounds,
): Position | undefined {
  const last = { row: bounds.rows - 1, column: bounds.columns - 1 };
  const to = target(key, control, at, bounds, last);
  if (!to || bounds.columns === 0) return undefined;
  return {
    row: Math.max(HEADING, Math.min(to.row, last.row)),
    column: Math.max(0, Math.min(to.column, last.column)),
  };
}

function target(
  key: string,
  control: boolean,
  { row, column }: Position,
  { page, rows }: Bounds,
  last: Position,
): Position | undefined {
  const top = rows > 0 ? 0 : HEADING;
  switch (key) {
    case 'ArrowUp':
      return { row: control ? top : row - 1, column };
    case 'ArrowDown':
      return { row: control ? last.row : row + 1, column };
    case 'ArrowLeft':
      return { row, column: control ? 0 : column - 1 };
    case 'ArrowRight':
      return { row, column: control ? last.column : column + 1 };
    case 'Home':
      return { row: control ? top : row, column: 0 };
    case 'End':
      return { row: control ? last.row : row, column: last.column };
    case 'PageUp':
      return { row: row <= top ? row : Math.max(top, row - page), column };
    case 'PageDown':
      return { row: row + page, column };
    default:
      return undefined;
  }
}
