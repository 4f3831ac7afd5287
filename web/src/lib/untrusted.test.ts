// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { excerpt, visible } from './untrusted';

it('shows what cannot be seen', () => {
  expect(visible('web\u202egnp.exe')).toBe('web⟨U+202E⟩gnp.exe');
  expect(visible('a\u200bb\u0000c\u2066\u{e0041}')).toBe('a⟨U+200B⟩b⟨U+0000⟩c⟨U+2066⟩⟨U+E0041⟩');
  expect(visible('Grüße 你好 🎉 <b>&amp;')).toBe('Grüße 你好 🎉 <b>&amp;');
});

it('cuts long text and says so', () => {
  const megabyte = 'x'.repeat(1 << 20);
  const shown = excerpt(megabyte);
  expect(shown.cut).toBe(true);
  expect(shown.text).toHaveLength(300);
  expect(excerpt('short')).toEqual({ text: 'short', cut: false });
});

it('never ends within a character', () => {
  expect(excerpt('ab🎉', 3)).toEqual({ text: 'ab', cut: true });
});

it('stays on one line', () => {
  expect(excerpt('a\nb\t\tc').text).toBe('a ⏎ b ⏎ c');
});
