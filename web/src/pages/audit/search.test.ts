// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { auditSearch } from './search';

it('keeps what an address may hold', () => {
  const address = { actor: 'ann', action: 'campaign.', from: '2026-11-23T17:00:00Z', entry: '42' };
  expect(auditSearch(address)).toEqual(address);
  expect(auditSearch({ entry: 42 }).entry).toBe('42');
});

it('writes times as the server reads them', () => {
  expect(auditSearch({ from: '2026-11-23T18:00:00+01:00' }).from).toBe('2026-11-23T17:00:00Z');
  expect(auditSearch({ to: '2026-11-23' }).to).toBe('2026-11-23T00:00:00Z');
});

it('drops what is broken', () => {
  expect(auditSearch({ from: 'yesterday', to: '', entry: '-1' })).toEqual({});
});
