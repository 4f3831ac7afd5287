// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { toProblem } from '@/api/problem';
import { fullSlots, refusalOf } from './refusal';

const problem = (code: string, status: number, more: object = {}) =>
  toProblem({ code, detail: 'Why.', ...more }, status);

it('puts each refusal at the control that caused it', () => {
  expect(refusalOf(undefined)).toEqual({});
  expect(refusalOf(problem('os_filter_unsupported', 422))).toEqual({ target: 'Why.' });
  expect(refusalOf(problem('campaigns_disabled', 409))).toEqual({ tick: 'Why.' });
  const blocked = problem('blocked_sql', 422, { tables: ['carves', 'curl'], reason: 'A. B.' });
  expect(refusalOf(blocked)).toEqual({ sql: 'Refused by the deny-list: carves, curl. A. B.' });
  for (const code of ['forbidden', 'capability_required', 'max_concurrent_hunts_reached']) {
    const refused = problem(code, 403);
    expect(refusalOf(refused)).toEqual({ action: refused });
  }
});

it('puts each message about a member at its control', () => {
  const errors = [
    { field: 'sql', message: 'No SQL.' },
    { field: 'target.host_ids', message: 'No hosts.' },
    { field: 'live_window_minutes', message: 'Too long.' },
    { field: 'name', message: 'Blank.' },
  ];
  expect(refusalOf(problem('invalid_request', 422, { errors }))).toEqual({
    sql: 'No SQL.',
    target: 'No hosts.',
    window: 'Too long.',
    name: 'Blank.',
  });
  const unknown = problem('invalid_request', 422, { errors: [{ field: 'x', message: 'X.' }] });
  expect(refusalOf(unknown)).toEqual({ action: unknown });
  const bare = problem('invalid_request', 422);
  expect(refusalOf(bare)).toEqual({ action: bare });
});

it('reads who holds the slots', () => {
  const full = problem('max_concurrent_hunts_reached', 409, {
    limit: 2,
    active: [{ id: 'c', name: 'One', live_until: '2026-01-01T00:00:00Z' }, null],
    next_slot_at: '2026-01-01T00:00:00Z',
  });
  expect(fullSlots(full)).toEqual({
    limit: 2,
    active: [{ id: 'c', name: 'One', live_until: '2026-01-01T00:00:00Z' }],
    nextSlotAt: '2026-01-01T00:00:00Z',
  });
  expect(fullSlots(problem('max_concurrent_hunts_reached', 409))).toEqual({ active: [] });
});
