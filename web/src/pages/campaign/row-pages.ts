// SPDX-License-Identifier: Apache-2.0
// Finding rows in pages of unequal length, and how many rows a grid offers. Pure.

import type { RowPage } from '@/api/schema';

/** A row: column to text. */
export type Row = Record<string, string>;

/** Most rows that a grid offers to scroll through; they stay in the browser's memory. */
export const GRID_ROWS_MAX = 200_000;
/** Rows that are offered behind the loaded ones of a sorted list. */
const SORTED_ROWS_AHEAD = 500;

/** Rows by their number, in whatever pages they came. */
export class RowIndex {
  /** Where each page begins. */
  private readonly starts: number[] = [];
  /** How many rows are loaded. */
  readonly loaded: number;

  constructor(private readonly pages: readonly Pick<RowPage, 'items'>[]) {
    let at = 0;
    for (const page of pages) {
      this.starts.push(at);
      at += page.items.length;
    }
    this.loaded = at;
  }

  /** A row; `undefined` when it is not loaded. */
  at(row: number): Row | undefined {
    if (row < 0 || row >= this.loaded) return undefined;
    let [low, high] = [0, this.starts.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.starts[middle] ?? 0) <= row) low = middle;
      else high = middle - 1;
    }
    return this.pages[low]?.items[row - (this.starts[low] ?? 0)];
  }
}

/** How many rows a grid shows, loaded or not. */
export function offeredRows(options: {
  loaded: number;
  /** All rows that match, where that is known. */
  total: number | null;
  /** Every page of a sorted list costs the server a look at all rows: no leaps there. */
  isSorted: boolean;
}): number {
  const { loaded, total, isSorted } = options;
  if (total === null || total <= loaded) return Math.min(loaded, GRID_ROWS_MAX);
  const offered = isSorted ? Math.min(total, loaded + SORTED_ROWS_AHEAD) : total;
  return Math.min(offered, GRID_ROWS_MAX);
}
