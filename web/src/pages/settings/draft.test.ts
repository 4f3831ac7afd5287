// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import type { SettingDescription, Settings } from '@/api/schema';
import { bounds, changed, missingDefaults, toPatch, wrong } from './draft';

const IN_FORCE = {
  offline_campaigns_enabled: true,
  max_concurrent_hunts: 10,
  denied_tables: ['curl', 'carves'],
} as Settings;

const CAP: SettingDescription = {
  name: 'max_concurrent_hunts',
  kind: 'integer',
  unit: 'campaigns',
  min: 1,
  max: 1000,
  default: 10,
  meaning: '',
};

it('holds only what differs', () => {
  const draft = changed({}, IN_FORCE, 'max_concurrent_hunts', 20);
  expect(draft).toEqual({ max_concurrent_hunts: 20 });
  expect(changed(draft, IN_FORCE, 'max_concurrent_hunts', 10)).toEqual({});
});

it('takes lists of names as sets', () => {
  expect(changed({}, IN_FORCE, 'denied_tables', ['carves', 'curl'])).toEqual({});
  expect(changed({}, IN_FORCE, 'denied_tables', ['curl'])).toEqual({ denied_tables: ['curl'] });
});

it('sends nothing that another administrator has set meanwhile', () => {
  const draft = { max_concurrent_hunts: 20, offline_campaigns_enabled: false };
  const now = { ...IN_FORCE, max_concurrent_hunts: 20 };
  expect(toPatch(draft, now)).toEqual({ offline_campaigns_enabled: false });
});

it('knows what a number may be', () => {
  for (const value of [1, 1000]) expect(wrong(CAP, value)).toBeUndefined();
  for (const value of [0, 1001, 1.5, '', '7x']) {
    expect(wrong(CAP, value)).toBe('Give a whole number from 1 to 1,000.');
  }
  expect(bounds({ ...CAP, max: null })).toBe('1 up');
});

it('names defaults that were taken out', () => {
  const list = { ...CAP, kind: 'names' as const, default: ['curl', 'carves'] };
  expect(missingDefaults(list, ['curl', 'own'])).toEqual(['carves']);
});
