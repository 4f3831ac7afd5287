// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { oneTimePassword } from './password';

it('can be read out and is long enough for the server', () => {
  for (let turn = 0; turn < 100; turn += 1) {
    expect(oneTimePassword()).toMatch(/^([a-hjkmnp-z2-9]{5}-){3}[a-hjkmnp-z2-9]{5}$/);
  }
});

it('is another one each time', () => {
  const made = new Set(Array.from({ length: 1_000 }, () => oneTimePassword()));
  expect(made.size).toBe(1_000);
});

it('favours no character', () => {
  let next = 0;
  // Every byte equally often: then every character must come equally often.
  const everyByte = (bytes: Uint8Array) => {
    for (let at = 0; at < bytes.length; at += 1) bytes[at] = next++ % 256;
  };
  const seen = new Map<string, number>();
  for (let turn = 0; turn < 31 * 64; turn += 1) {
    for (const character of oneTimePassword(everyByte).replaceAll('-', '')) {
      seen.set(character, (seen.get(character) ?? 0) + 1);
    }
  }
  expect(seen.size).toBe(31);
  const counts = [...seen.values()];
  expect(Math.max(...counts) / Math.min(...counts)).toBeLessThan(1.1);
});

it('goes on when the generator gives bytes that are not usable', () => {
  let calls = 0;
  const fill = (bytes: Uint8Array) => {
    calls += 1;
    bytes.fill(calls === 1 ? 255 : 0);
  };
  expect(oneTimePassword(fill)).toBe('aaaaa-aaaaa-aaaaa-aaaaa');
  expect(calls).toBe(2);
});
