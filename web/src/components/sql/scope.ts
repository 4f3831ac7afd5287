// SPDX-License-Identifier: Apache-2.0
// Which tables a statement names, and by which aliases: enough for completion and for finding the
// place of a finding. Pure, and content with text that is not finished.

import { isName, type Token } from './tokens';

/** A table as it stands after FROM, JOIN or a comma. */
export interface NamedTable {
  /** Its name in lower case; empty for a sub-query. */
  table: string;
  /** What its columns are called by: the alias, or the table's own name. */
  alias: string;
  /** Where the name stands. */
  token: Token;
}

/** Words that end a list of tables or that no alias can be. */
const NOT_ALIAS = new Set(
  'where group order having limit union except intersect on using join inner left right full outer cross natural window as set select from values indexed not offset'.split(
    ' ',
  ),
);
const ENDS_LIST = new Set(
  'where group order having limit union except intersect window'.split(' '),
);

/** Every table named in the statement, in order. */
export function namedTables(all: readonly Token[]): NamedTable[] {
  const list = all.filter((token) => token.kind !== 'comment');
  const found: NamedTable[] = [];
  /** Depths of parentheses at which a list of tables is open. */
  const open = new Set<number>();
  let depth = 0;
  list.forEach((token, at) => {
    if (token.name === '(' && token.kind === 'symbol') depth += 1;
    else if (token.name === ')' && token.kind === 'symbol') {
      open.delete(depth);
      depth -= 1;
    } else if (token.kind === 'word' && (token.name === 'from' || token.name === 'join')) {
      open.add(depth);
      reference(list, at + 1, found);
    } else if (token.kind === 'word' && ENDS_LIST.has(token.name)) open.delete(depth);
    else if (token.kind === 'symbol' && token.name === ',' && open.has(depth)) {
      reference(list, at + 1, found);
    }
  });
  return found;
}

function reference(list: readonly Token[], at: number, found: NamedTable[]): void {
  let place = at;
  let token = list[place];
  if (token?.name === '(' && token.kind === 'symbol') {
    const after = closing(list, place) + 1;
    const alias = aliasAt(list, after);
    if (alias) found.push({ table: '', alias: alias.name, token: alias });
    return;
  }
  // A schema before the table, as in `main.processes`.
  while (isName(token) && list[place + 1]?.name === '.' && isName(list[place + 2])) {
    place += 2;
    token = list[place];
  }
  if (!isName(token) || (token.kind === 'word' && NOT_ALIAS.has(token.name))) return;
  let after = place + 1;
  // Arguments of a table, as in `users(1)`.
  if (list[after]?.name === '(' && list[after]?.kind === 'symbol') after = closing(list, after) + 1;
  found.push({ table: token.name, alias: aliasAt(list, after)?.name ?? token.name, token });
}

function aliasAt(list: readonly Token[], at: number): Token | undefined {
  const first = list[at];
  const token = first?.kind === 'word' && first.name === 'as' ? list[at + 1] : first;
  if (!isName(token)) return undefined;
  return token.kind === 'word' && NOT_ALIAS.has(token.name) ? undefined : token;
}

function closing(list: readonly Token[], at: number): number {
  let depth = 0;
  for (let place = at; place < list.length; place += 1) {
    if (list[place]?.kind !== 'symbol') continue;
    if (list[place]?.name === '(') depth += 1;
    if (list[place]?.name === ')') depth -= 1;
    if (depth === 0) return place;
  }
  return list.length;
}

/** Names that the statement itself defines in WITH. */
export function withNames(all: readonly Token[]): string[] {
  const list = all.filter((token) => token.kind !== 'comment');
  return list
    .filter((token, at) => {
      if (!isName(token)) return false;
      let next = at + 1;
      if (list[next]?.name === '(' && list[next]?.kind === 'symbol') {
        next = closing(list, next) + 1;
      }
      return list[next]?.name === 'as' && list[next + 1]?.name === '(';
    })
    .map((token) => token.name);
}
