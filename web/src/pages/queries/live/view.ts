// SPDX-License-Identifier: Apache-2.0
// Which rows a grid shows, in which order: filtered and sorted here, since a live query's rows are
// nowhere else. New rows cost only themselves; sorting takes its turn when it is dear. Pure: the
// time is an argument.

import type { GridSort } from '@/components/grid';
import { type LiveRow, textOf } from './rows';

/** Sorting may take one part in this many of the time. */
const SORT_SHARE = 10;
const PLAIN_NUMBER = /^[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$/;

/** Text by column that a row must have. */
export type Filters = Readonly<Record<string, string>>;

/** The chosen rows, by their places among all rows. */
export class RowView {
  /** Places of the shown rows, in order. Changes in place. */
  shown: number[] = [];
  filters: Filters = {};
  sort: GridSort | undefined;
  /** Changes when other rows are shown, not when more are. */
  key = 0;

  private looked = 0;
  private unsorted = false;
  private sortedAt = Number.NEGATIVE_INFINITY;
  private sortMs = 0;

  /** Other filters or another order. */
  choose(filters: Filters, sort: GridSort | undefined): void {
    this.filters = Object.fromEntries(Object.entries(filters).filter(([, text]) => text !== ''));
    this.sort = sort;
    this.key += 1;
    this.looked = 0;
    this.shown = [];
    this.unsorted = true;
    this.sortedAt = Number.NEGATIVE_INFINITY;
  }

  /** Whether a filter is set. */
  get isFiltered(): boolean {
    return Object.keys(this.filters).length > 0;
  }

  /** Takes new rows in. Answers whether some are not at their place yet, so that it wants to be
   * called again. `now` tells the time in milliseconds. */
  update(rows: readonly LiveRow[], now: () => number): boolean {
    const wanted = Object.entries(this.filters).map(
      ([column, text]) => [column, text.toLowerCase()] as const,
    );
    for (; this.looked < rows.length; this.looked += 1) {
      const row = rows[this.looked];
      if (
        row &&
        wanted.every(([column, text]) => textOf(row, column).toLowerCase().includes(text))
      ) {
        this.shown.push(this.looked);
        this.unsorted = true;
      }
    }
    if (!this.sort || !this.unsorted) return false;
    const from = now();
    if (from - this.sortedAt < SORT_SHARE * this.sortMs) return true;
    this.shown = sorted(this.shown, rows, this.sort);
    this.sortedAt = now();
    this.sortMs = this.sortedAt - from;
    this.unsorted = false;
    return false;
  }
}

function sorted(shown: readonly number[], rows: readonly LiveRow[], sort: GridSort): number[] {
  const sign = sort.order === 'asc' ? 1 : -1;
  const keyed = shown.map((place) => {
    const row = rows[place];
    const text = row ? textOf(row, sort.column) : '';
    const number = PLAIN_NUMBER.test(text) ? Number(text) : undefined;
    return { place, number, text: number === undefined ? text.toLowerCase() : '' };
  });
  keyed.sort((a, b) => sign * compare(a, b) || a.place - b.place);
  return keyed.map(({ place }) => place);
}

interface Key {
  number: number | undefined;
  text: string;
}

/** Numbers before texts, each among themselves. */
function compare(a: Key, b: Key): number {
  if (a.number !== undefined && b.number !== undefined) return a.number - b.number;
  if (a.number !== undefined) return -1;
  if (b.number !== undefined) return 1;
  return a.text < b.text ? -1 : a.text > b.text ? 1 : 0;
}
