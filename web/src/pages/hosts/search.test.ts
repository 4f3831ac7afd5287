// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { hostsSearch } from './search';

it('keeps what an address may hold', () => {
  const filters = { q: 'web', status: 'stale', platform: 'darwin' };
  const address = { ...filters, sort: 'last_seen', order: 'desc', page: 3, after: 'x' };
  expect(hostsSearch(address)).toEqual(address);
});

it('drops what is broken', () => {
  const none = {};
  expect(hostsSearch({ q: '', status: 'asleep', platform: 'beos', sort: 'x', order: 1 })).toEqual(
    none,
  );
  expect(hostsSearch({ page: 3 })).toEqual(none);
  expect(hostsSearch({ page: 1, after: 'x' })).toEqual(none);
  expect(hostsSearch({ page: '2.5', after: 'x' })).toEqual(none);
});

it('reads a number that was meant as text', () => {
  expect(hostsSearch({ q: 42 }).q).toBe('42');
});
