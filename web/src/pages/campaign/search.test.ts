// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { campaignSearch } from './search';

const set = (raw: Record<string, unknown>) =>
  Object.fromEntries(
    Object.entries(campaignSearch(raw)).filter(([, value]) => value !== undefined),
  );

it('keeps what a door opens', () => {
  const door = { ledger: true, state: 'responded', late: false, truncated: true, q: 'web' };
  expect(set(door)).toEqual(door);
  const results = { sort: 'pid', order: 'desc', where: { name: 'ssh' }, hide: ['uid'] };
  expect(set(results)).toEqual(results);
});

it('reads what the router took for numbers', () => {
  expect(set({ q: 42, where: { pid: 7 }, late: 'false' })).toEqual({
    q: '42',
    where: { pid: '7' },
    late: false,
  });
});

it('drops what is broken', () => {
  expect(set({ state: 'gone', where: ['x'], hide: 'uid', order: 'asc', late: 'maybe' })).toEqual(
    {},
  );
  expect(set({ where: {}, hide: [] })).toEqual({});
});
