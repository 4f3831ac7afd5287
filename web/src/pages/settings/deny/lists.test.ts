// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import type { DefaultDenial, Schema } from '@/api/schema';
import { byReason, choices, LISTS } from './lists';

const [tables, columns, functions, extensions] = LISTS;

const SCHEMA = {
  tables: [
    { name: 'file', aliases: [], columns: [{ name: 'path' }, { name: 'size' }] },
    { name: 'block_devices', aliases: ['devices'], columns: [] },
  ],
  functions: [{ name: 'carve' }],
} as unknown as Schema;

it('offers what there is', () => {
  if (!tables || !columns || !functions || !extensions) throw new Error('four lists');
  expect(choices(tables, SCHEMA)).toEqual(['file', 'block_devices', 'devices']);
  expect(choices(columns, SCHEMA)).toEqual(['file.path', 'file.size']);
  expect(choices(functions, SCHEMA)).toEqual(['carve']);
  expect(choices(extensions, SCHEMA)).toEqual([]);
  expect(choices(tables, undefined)).toEqual([]);
});

it('groups entries by reason and tells those of administrators apart', () => {
  if (!tables) throw new Error('four lists');
  const denials: DefaultDenial[] = [
    { kind: 'table', name: 'a', reason: 'slow' },
    { kind: 'table', name: 'b', reason: 'slow' },
    { kind: 'function', name: 'own', reason: 'of another kind' },
  ];
  expect(byReason(['a', 'own', 'b'], tables, denials)).toEqual([
    { reason: 'slow', names: ['a', 'b'] },
    { reason: undefined, names: ['own'] },
  ]);
});
