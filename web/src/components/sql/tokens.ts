// SPDX-License-Identifier: Apache-2.0
// Takes SQL apart into words, as SQLite does, also while it is being typed and not yet whole. It
// knows no grammar; that is for the server to judge.

/** What a token is. `quoted` is a name in quotes, `string` a text in single quotes. */
export type TokenKind = 'word' | 'quoted' | 'string' | 'number' | 'symbol' | 'comment';

/** One token; `from` and `to` are places in the text. */
export interface Token {
  kind: TokenKind;
  from: number;
  to: number;
  /** In lower case and without quotes, for comparing. */
  name: string;
}

const WORD_START = /[\p{L}_]/u;
const WORD = /[\p{L}\p{N}_$]+/uy;
const NUMBER = /[0-9][0-9a-zA-Z_.]*/y;
/** What ends each kind of quoted thing. */
const CLOSING: Record<string, string> = { "'": "'", '"': '"', '`': '`', '[': ']' };

/** All tokens but blanks. A quoted thing or a comment that does not end goes to the end. */
export function tokens(sql: string): Token[] {
  const found: Token[] = [];
  let at = 0;
  while (at < sql.length) {
    const char = sql.charAt(at);
    if (/\s/.test(char)) {
      at += 1;
      continue;
    }
    const token = tokenAt(sql, at, char);
    found.push(token);
    at = token.to;
  }
  return found;
}

function tokenAt(sql: string, from: number, char: string): Token {
  const pair = sql.slice(from, from + 2);
  if (pair === '--') return make('comment', sql, from, end(sql, '\n', from, 0));
  if (pair === '/*') return make('comment', sql, from, end(sql, '*/', from + 2, 2));
  const closing = CLOSING[char];
  if (closing) {
    const to = quoteEnd(sql, from, closing);
    const inner = sql.slice(
      from + 1,
      sql.charAt(to - 1) === closing && to > from + 1 ? to - 1 : to,
    );
    const name = inner.replaceAll(closing + closing, closing).toLowerCase();
    return { kind: char === "'" ? 'string' : 'quoted', from, to, name };
  }
  const kind = WORD_START.test(char) ? 'word' : /[0-9]/.test(char) ? 'number' : 'symbol';
  if (kind === 'symbol') return make('symbol', sql, from, from + 1);
  const pattern = kind === 'word' ? WORD : NUMBER;
  pattern.lastIndex = from;
  return make(kind, sql, from, from + (pattern.exec(sql)?.[0].length ?? 1));
}

function make(kind: TokenKind, sql: string, from: number, to: number): Token {
  return { kind, from, to, name: sql.slice(from, to).toLowerCase() };
}

function end(sql: string, mark: string, from: number, length: number): number {
  const at = sql.indexOf(mark, from);
  return at < 0 ? sql.length : at + length;
}

function quoteEnd(sql: string, from: number, closing: string): number {
  let at = from + 1;
  for (;;) {
    at = sql.indexOf(closing, at);
    if (at < 0) return sql.length;
    const doubled = closing !== ']' && sql.charAt(at + 1) === closing;
    if (!doubled) return at + 1;
    at += 2;
  }
}

/** Whether a token can be the name of a table, column or function. */
export function isName(token: Token | undefined): token is Token {
  return token?.kind === 'word' || token?.kind === 'quoted';
}
