// SPDX-License-Identifier: Apache-2.0
// A long text in pieces that a browser lays out one by one. Pure.

/** Characters of a piece. */
const PIECE_CHARS = 4_096;
/** How far back from its end a piece looks for the end of a line. */
const LINE_SEARCH_CHARS = 1_024;

/** The text from its beginning to `end`, cut where lines end if they do, never within a character. */
export function pieces(text: string, end = text.length): string[] {
  const parts: string[] = [];
  let from = 0;
  while (from < end) {
    let to = Math.min(end, from + PIECE_CHARS);
    if (to < text.length) {
      const line = text.lastIndexOf('\n', to - 1);
      if (line >= to - LINE_SEARCH_CHARS && line > from) to = line + 1;
      else if (isHighSurrogate(text.charCodeAt(to - 1))) to += 1;
    }
    parts.push(text.slice(from, to));
    from = to;
  }
  return parts;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}
