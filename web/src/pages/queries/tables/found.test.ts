// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { SAMPLE } from '@/components/sql/sample-schema';
import { findTables } from './found';

const found = (text: string, platforms?: ('linux' | 'windows')[]) =>
  findTables(SAMPLE.schema.tables, text, platforms).map(({ table, columns }) =>
    [table.name, ...columns].join(' '),
  );

it('finds tables by name, alias and column, names first', () => {
  expect(found('')).toEqual(['carves', 'file', 'processes', 'registry', 'users']);
  expect(found('PATH ')).toEqual(['carves path', 'file path']);
  expect(found('people')).toEqual(['users']);
  expect(found('e')).toEqual(['carves', 'file', 'processes', 'registry', 'users']);
  expect(found('nothing at all')).toEqual([]);
});

it('finds only what the target has', () => {
  expect(found('reg', ['linux'])).toEqual([]);
  expect(found('reg', ['linux', 'windows'])).toEqual(['registry']);
});
