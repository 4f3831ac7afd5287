// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import type { SettingDescription } from '@/api/schema';
import { besideNumber, grouped, inUnits } from './words';

function item(name: string, kind: SettingDescription['kind']): SettingDescription {
  return { name, kind, unit: null, min: null, max: null, default: null, meaning: '' };
}

it('shows every number and switch once, also those it has no words for', () => {
  const items = [
    item('agent_new_cap', 'integer'),
    item('offline_campaigns_enabled', 'boolean'),
    item('denied_tables', 'names'),
  ];
  expect(
    grouped(items).map(({ title, settings }) => [title, settings.map(({ label }) => label)]),
  ).toEqual([
    ['Campaigns', ['Campaigns enabled']],
    ['Others', ['agent_new_cap']],
  ]);
});

it('says numbers in their units', () => {
  expect(inUnits('bytes', 67_108_864)).toBe('64.0 MiB');
  expect(inUnits('seconds', 86_400)).toBe('1 d');
  expect(inUnits('minutes', 90)).toBe('1 h 30 min');
  expect(inUnits('rows', 50_000)).toBe('50,000 rows');
  expect(besideNumber('rows', 50_000)).toBe('rows');
  expect(besideNumber('seconds', 600)).toBe('10 min');
});
