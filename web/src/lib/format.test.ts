// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { bytes, count, counted, duration, exact, percent, relative, short } from './format';

describe('numbers', () => {
  it('are grouped and have their noun', () => {
    expect(count(61204)).toBe('61,204');
    expect(counted(1, 'host')).toBe('1 host');
    expect(counted(0, 'host')).toBe('0 hosts');
    expect(counted(2, 'query', 'queries')).toBe('2 queries');
  });

  it('never claim all or nothing when it is nearly so', () => {
    expect(percent(9_999, 10_000)).toBe('>99 %');
    expect(percent(10_000, 10_000)).toBe('100 %');
    expect(percent(1, 10_000)).toBe('<1 %');
    expect(percent(0, 10_000)).toBe('0 %');
    expect(percent(0, 0)).toBe('–');
  });

  it('are sizes in powers of 1,024', () => {
    expect(bytes(0)).toBe('0 B');
    expect(bytes(1536)).toBe('1.5 KiB');
    expect(bytes(64 * 1024 * 1024)).toBe('64.0 MiB');
  });
});

describe('times', () => {
  const noon = Date.parse('2026-11-23T12:00:00Z');

  it('are told in at most two units', () => {
    expect(duration(0)).toBe('0 s');
    expect(duration(59_999)).toBe('59 s');
    expect(duration(12 * 60_000)).toBe('12 min');
    expect(duration(86_400_000 + 4 * 3_600_000 + 59_000)).toBe('1 d 4 h');
    expect(duration(3_600_000 + 5_000)).toBe('1 h');
  });

  it('are seen from now', () => {
    expect(relative(noon - 2_000, noon)).toBe('just now');
    expect(relative(noon - 180_000, noon)).toBe('3 min ago');
    expect(relative(noon + 540_000, noon)).toBe('in 9 min');
    expect(relative(noon - 90 * 60_000, noon)).toBe('1 h ago');
  });

  it('are exact in UTC', () => {
    expect(exact(noon)).toBe('2026-11-23 12:00:00 UTC');
  });
});

it('shortens hashes but not what is short already', () => {
  expect(short('a'.repeat(64))).toBe(`${'a'.repeat(12)}…`);
  expect(short('abc')).toBe('abc');
});
