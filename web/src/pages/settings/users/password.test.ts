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
  const seen = new Map<string, number>();
  for (let byte = 0; byte < 256; byte += 1) {
    let calls = 0;
    const fill = (bytes: Uint8Array) => {
      calls += 1;
      bytes.fill(calls === 1 ? byte : 0);
    };
    const character = oneTimePassword(fill).charAt(0);
    if (calls === 1) seen.set(character, (seen.get(character) ?? 0) + 1);
  }
  expect(seen.size).toBe(31);
  expect(new Set(seen.values())).toEqual(new Set([8]));
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
