// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import type { Completion } from '@/api/schema';
import { axisTime, curve } from './curve';

const at = (time: string) => `2026-11-23T${time}Z`;
const seconds = (time: string) => Date.parse(at(time)) / 1000;
const course = (to: string, points: Completion['points']): Completion => ({
  from: at('12:00:00'),
  to: at(to),
  live_until: at('12:10:00'),
  targeted: 9,
  points,
});

it('begins with nobody and stays level to the end', () => {
  const drawn = curve(
    course('12:30:00', [
      { at: at('12:00:09'), responded: 5, late: 0 },
      { at: at('12:20:00'), responded: 6, late: 1 },
    ]),
    false,
  );
  const times = ['12:00:00', '12:00:09', '12:20:00', '12:30:00'].map(seconds);
  expect(drawn).toMatchObject({ times, responded: [0, 5, 6, 6], late: [null, 0, 1, 1] });
  expect(drawn.to).toBe(seconds('12:30:00'));
});

it('leaves room while the window is open, but not beyond it', () => {
  expect(curve(course('12:01:40', []), true).to).toBe(seconds('12:01:55'));
  expect(curve(course('12:09:00', []), true).to).toBe(seconds('12:10:00'));
});

it('shows a moment at least, and no point beyond what it shows', () => {
  const drawn = curve(course('12:00:00', [{ at: at('12:00:01'), responded: 9, late: 0 }]), false);
  expect(drawn.times).toEqual(['12:00:00', '12:00:01', '12:00:20'].map(seconds));
  expect(drawn.responded).toEqual([0, 9, 9]);
  expect(drawn.late).toEqual([null, null, null]);
});

it('names times as exactly as needed', () => {
  const noon = seconds('12:00:05');
  expect(axisTime(noon, 60)).toBe('12:00:05');
  expect(axisTime(noon, 3_600)).toBe('12:00');
  expect(axisTime(noon, 864_000)).toBe('11-23');
});
