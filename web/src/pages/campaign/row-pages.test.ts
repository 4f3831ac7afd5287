// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { GRID_ROWS_MAX, offeredRows, RowIndex } from './row-pages';

it('finds rows in pages of any length', () => {
  let next = 0;
  const pages = [3, 0, 1, 0, 0, 5, 0].map((length) => ({
    items: Array.from({ length }, () => ({ n: String(next++) })),
  }));
  const index = new RowIndex(pages);
  expect(index.loaded).toBe(9);
  for (let row = 0; row < 9; row += 1) expect(index.at(row)).toEqual({ n: String(row) });
  expect(index.at(9)).toBeUndefined();
  expect(index.at(-1)).toBeUndefined();
  expect(new RowIndex([]).at(0)).toBeUndefined();
});

it('offers all rows, but no leap through sorted ones and none beyond what memory allows', () => {
  const some = { loaded: 100, isSorted: false };
  expect(offeredRows({ ...some, total: 5_000 })).toBe(5_000);
  expect(offeredRows({ ...some, total: null })).toBe(100);
  expect(offeredRows({ ...some, total: 90 })).toBe(100);
  expect(offeredRows({ ...some, total: 5_000, isSorted: true })).toBe(600);
  expect(offeredRows({ ...some, total: 10_000_000 })).toBe(GRID_ROWS_MAX);
});
