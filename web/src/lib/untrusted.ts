// SPDX-License-Identifier: Apache-2.0
// Text that a host sent. React never reads it as markup; what is left to stop is text that changes
// how the text around it is read (direction marks, control characters) and text without end.

/** Characters of one cell that a grid shows; the rest is opened on demand. */
export const CELL_CHARS = 300;

/**
 * Control characters, marks of direction, zero-width characters and separators of lines, but for
 * tab and line feed. They are shown by their code point, so that two names that differ in them look
 * different and none changes how the text beside it is read.
 */
const INVISIBLE = /(?![\t\n])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

function codePoint(character: string): string {
  const hex = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  return `\u27e8U+${hex}\u27e9`;
}

/** The text with what cannot be seen made visible. */
export function visible(text: string): string {
  return text.replace(INVISIBLE, codePoint);
}

/** The beginning of a text, made visible, on one line; `cut` says whether there is more. */
export function excerpt(text: string, max = CELL_CHARS): { text: string; cut: boolean } {
  const cut = text.length > max;
  let head = cut ? text.slice(0, max) : text;
  // Never end between the halves of one character.
  if (cut && /[\ud800-\udbff]$/.test(head)) head = head.slice(0, -1);
  return { text: visible(head).replace(/[\t\n]+/g, ' ⏎ '), cut };
}
