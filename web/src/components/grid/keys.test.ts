// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { moved } from './keys';

const BOUNDS = { rows: 100, columns: 5, page: 20 };

it('moves cell by cell and stays inside', () => {
  expect(moved('ArrowDown', false, { row: 3, column: 2 }, BOUNDS)).toEqual({ row: 4, column: 2 });
  expect(moved('ArrowDown', false, { row: 99, column: 2 }, BOUNDS)).toEqual({ row: 99, column: 2 });
  expect(moved('ArrowRight', false, { row: 3, column: 4 }, BOUNDS)).toEqual({ row: 3, column: 4 });
  expect(moved('ArrowLeft', false, { row: 3, column: 0 }, BOUNDS)).toEqual({ row: 3, column: 0 });
});

it('goes up into the heading and no further', () => {
  expect(moved('ArrowUp', false, { row: 0, column: 1 }, BOUNDS)).toEqual({ row: -1, column: 1 });
  expect(moved('ArrowUp', false, { row: -1, column: 1 }, BOUNDS)).toEqual({ row: -1, column: 1 });
  expect(moved('PageUp', false, { row: 5, column: 1 }, BOUNDS)).toEqual({ row: 0, column: 1 });
});

it('goes to the ends', () => {
  expect(moved('Home', false, { row: 7, column: 3 }, BOUNDS)).toEqual({ row: 7, column: 0 });
  expect(moved('End', true, { row: 7, column: 3 }, BOUNDS)).toEqual({ row: 99, column: 4 });
  expect(moved('Home', true, { row: 7, column: 3 }, BOUNDS)).toEqual({ row: 0, column: 0 });
  expect(moved('PageDown', false, { row: 90, column: 3 }, BOUNDS)).toEqual({ row: 99, column: 3 });
});

it('has only headings when there are no rows', () => {
  const none = { ...BOUNDS, rows: 0 };
  expect(moved('End', true, { row: -1, column: 0 }, none)).toEqual({ row: -1, column: 4 });
  expect(moved('ArrowDown', false, { row: -1, column: 0 }, none)).toEqual({ row: -1, column: 0 });
  expect(moved('Home', true, { row: 0, column: 0 }, { ...none, columns: 0 })).toBeUndefined();
});

it('leaves other keys alone', () => {
  expect(moved('a', false, { row: 0, column: 0 }, BOUNDS)).toBeUndefined();
});
