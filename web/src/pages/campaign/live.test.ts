// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import type { Campaign } from '@/api/schema';
import { withEvent } from './live';

const campaign = {
  id: 'c',
  status: 'active',
  coverage: { targeted: 2, responded: 0 },
  frozen: { sql: 'SELECT 1', spec_sha256: 'ab' },
} as Campaign;

it('takes counts and status from events and keeps the payload', () => {
  const coverage = { targeted: 2, responded: 1 };
  const counted = withEvent(campaign, {
    name: 'coverage',
    id: '1',
    data: JSON.stringify(coverage),
  });
  expect(counted).toEqual({ ...campaign, coverage });
  const { frozen, ...head } = counted;
  const stopped = { ...head, status: 'stopped' };
  const after = withEvent(counted, { name: 'status', id: '1', data: JSON.stringify(stopped) });
  expect(after).toEqual({ ...stopped, frozen });
});

it('is the same object when an event says nothing new', () => {
  const same = { name: 'coverage', id: '1', data: JSON.stringify(campaign.coverage) };
  expect(withEvent(campaign, same)).toBe(campaign);
  expect(withEvent(campaign, { name: 'response', id: '1', data: '{}' })).toBe(campaign);
});
