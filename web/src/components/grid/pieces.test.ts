// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { pieces } from './pieces';

it('loses nothing', () => {
  const text = `${'line\n'.repeat(5_000)}${'x'.repeat(100_000)}${'🎉'.repeat(9_000)}`;
  const parts = pieces(text);
  expect(parts.join('')).toBe(text);
  expect(parts.every((part) => part.length <= 4_097)).toBe(true);
});

it('cuts at ends of lines and never within a character', () => {
  for (const part of pieces('line\n'.repeat(5_000))) expect(part.endsWith('\n')).toBe(true);
  for (const part of pieces(`a${'🎉'.repeat(9_000)}`))
    expect(part).not.toMatch(/^[\udc00-\udfff]|[\ud800-\udbff]$/);
});

it('stops at the end that is asked for', () => {
  const text = 'x'.repeat(10_000);
  expect(pieces(text, 5_000).join('')).toHaveLength(5_000);
  expect(pieces('')).toEqual([]);
});
