// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import type { Completion, Coverage } from '@/api/schema';
import { answeredLine, inFlightWords, milestones, reasonWords } from './words';

const coverage = (responded: number, targeted: number) => ({ responded, targeted }) as Coverage;

it('says who answered', () => {
  expect(answeredLine(coverage(90, 120))).toBe('90 of 120 hosts answered (75 %)');
  expect(answeredLine(coverage(1, 1))).toBe('The only host answered (100 %)');
  expect(answeredLine(coverage(3, 3))).toBe('All 3 hosts answered (100 %)');
  expect(answeredLine(coverage(0, 0))).toBe('No host was targeted.');
});

it('tells the curve in words', () => {
  const curve = (points: [string, number, number][]): Completion => ({
    from: '2026-11-23T12:00:00Z',
    to: '2026-11-23T13:00:00Z',
    live_until: '2026-11-23T12:10:00Z',
    targeted: 10,
    points: points.map(([at, responded, late]) => ({
      at: `2026-11-23T${at}Z`,
      responded,
      late,
    })),
  });
  expect(milestones(curve([]))).toBe('No host has answered yet.');
  expect(
    milestones(
      curve([
        ['12:00:04', 5, 0],
        ['12:01:00', 8, 0],
        ['12:30:00', 9, 1],
      ]),
    ),
  ).toBe(
    'Half of the 10 hosts had answered within 4 s, nine tenths within 30 min; 1 answer came late.',
  );
  expect(milestones(curve([['12:00:04', 2, 0]]))).toBe('The latest of 2 answers came within 4 s.');
});

it('says what becomes of answers in flight', () => {
  const stop = { discard_in_flight: false, stop_code: 'operator' } as const;
  expect(inFlightWords(stop, 60)).toContain('for 1 h after the stop');
  expect(inFlightWords({ ...stop, discard_in_flight: true }, 60)).toContain('discarded');
});

it('knows reasons, and shows the others as they are', () => {
  expect(reasonWords(null)).toBe('');
  expect(reasonWords('blocked_sql')).toBe('refused by the deny-list');
  expect(reasonWords('something_new')).toBe('something new');
});
