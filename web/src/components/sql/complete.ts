// SPDX-License-Identifier: Apache-2.0
// What may be typed next: tables after FROM, columns of the tables that the statement names,
// functions, keywords. Pure; the editor hands over text and place.

import type { Completion } from '@codemirror/autocomplete';
import type { Platform, SchemaColumn, SchemaTable } from '@/api/schema';
import { columnIsOn, isOn, type SchemaIndex } from './schema-index';
import { type NamedTable, namedTables, withNames } from './scope';
import { isName, type Token, tokens } from './tokens';

const KEYWORDS =
  'SELECT FROM WHERE JOIN LEFT INNER CROSS ON USING AS AND OR NOT IN LIKE GLOB BETWEEN IS NULL EXISTS GROUP BY HAVING ORDER ASC DESC LIMIT OFFSET DISTINCT UNION ALL EXCEPT INTERSECT WITH RECURSIVE CASE WHEN THEN ELSE END CAST COLLATE NOCASE'.split(
    ' ',
  );

/** What is offered, and which part of the text it replaces. */
export interface Offers {
  from: number;
  options: Completion[];
}

/** Offers at `pos`; `undefined` inside of texts, comments and numbers, and where nothing is typed
 * unless it was asked for (`explicit`). */
export function offers(
  sql: string,
  pos: number,
  index: SchemaIndex,
  platforms: readonly Platform[] | undefined,
  explicit: boolean,
): Offers | undefined {
  const all = tokens(sql);
  const current = all.find((token) => token.from < pos && pos <= token.to);
  if (current && isClosed(current, pos, sql)) return undefined;
  const typed = current?.kind === 'word' ? current : undefined;
  const from = typed?.from ?? pos;
  const before = all.filter((token) => token.to <= from && token.kind !== 'comment');
  const last = before.at(-1);
  const named = namedTables(all.filter((token) => token !== typed));
  if (last?.name === '.' && last.kind === 'symbol') {
    return dotted(before, named, index, platforms, from);
  }
  if (!typed && !explicit) return undefined;
  if (wantsTable(before)) {
    return { from, options: [...tableOffers(index, platforms), ...withOffers(all)] };
  }
  return { from, options: anywhere(all, named, index, platforms) };
}

/** Whether the place is in a text, a comment or a number, where nothing is offered. */
function isClosed(token: Token, pos: number, sql: string): boolean {
  if (token.kind === 'number') return true;
  if (token.kind === 'comment') {
    return !(pos === token.to && sql.slice(token.to - 2, token.to) === '*/');
  }
  if (token.kind !== 'string' && token.kind !== 'quoted') return false;
  return true;
}

function dotted(
  before: readonly Token[],
  named: readonly NamedTable[],
  index: SchemaIndex,
  platforms: readonly Platform[] | undefined,
  from: number,
): Offers | undefined {
  const owner = before.at(-2);
  if (!isName(owner)) return undefined;
  const alias = named.find((table) => table.alias === owner.name);
  const table = index.byName.get(alias?.table || owner.name);
  return table ? { from, options: columnOffers(table, platforms) } : undefined;
}

/** Whether a table is due: after FROM or JOIN, or after a comma in such a list. */
function wantsTable(before: readonly Token[]): boolean {
  const last = before.at(-1);
  if (last?.kind === 'word') return last.name === 'from' || last.name === 'join';
  if (last?.name !== ',') return false;
  let depth = 0;
  for (let at = before.length - 1; at >= 0; at -= 1) {
    const token = before[at];
    if (token?.name === ')') depth += 1;
    if (token?.name === '(') depth -= 1;
    if (depth < 0) return false;
    if (depth > 0 || token?.kind !== 'word') continue;
    if (token.name === 'from' || token.name === 'join') return true;
    if (/^(select|where|on|using|by|having|limit|set|values)$/.test(token.name)) return false;
  }
  return false;
}

function anywhere(
  all: readonly Token[],
  named: readonly NamedTable[],
  index: SchemaIndex,
  platforms: readonly Platform[] | undefined,
): Completion[] {
  const options: Completion[] = [];
  const seen = new Set<SchemaTable>();
  for (const { table: name } of named) {
    const table = index.byName.get(name);
    if (!table || seen.has(table)) continue;
    seen.add(table);
    options.push(...columnOffers(table, platforms));
  }
  for (const { alias, table } of named) {
    if (alias !== table) options.push({ label: alias, type: 'variable', detail: table || 'query' });
  }
  for (const { name, denied } of index.schema.functions) {
    const detail = denied ? 'function · denied' : 'function';
    options.push({
      label: name,
      apply: `${name}(`,
      type: 'function',
      detail,
      info: denied ?? undefined,
    });
  }
  options.push(...KEYWORDS.map((label) => ({ label, type: 'keyword', boost: 1 })));
  // Before there is a FROM, tables help to begin with.
  if (seen.size === 0) options.push(...tableOffers(index, platforms), ...withOffers(all));
  return options;
}

function withOffers(all: readonly Token[]): Completion[] {
  return withNames(all).map((label) => ({ label, type: 'variable', detail: 'WITH', boost: 2 }));
}

function tableOffers(index: SchemaIndex, platforms: readonly Platform[] | undefined): Completion[] {
  const known = index.schema.tables
    .filter((table) => isOn(table, platforms))
    .map((table) => ({
      label: table.name,
      type: 'class',
      detail: tableDetail(table),
      info: tableInfo(table),
      boost: table.denied ? -10 : 0,
    }));
  const extensions = index.schema.extension_tables.map((label) => ({
    label,
    type: 'class',
    detail: 'extension',
  }));
  return [...known, ...extensions];
}

function tableDetail(table: SchemaTable): string {
  const marks = [table.platforms.length < 3 ? table.platforms.join(', ') : ''];
  if (table.evented) marks.push('evented');
  if (table.denied) marks.push('denied');
  return marks.filter(Boolean).join(' · ');
}

function tableInfo(table: SchemaTable): string | undefined {
  const lines = [];
  if (table.denied) lines.push(table.denied);
  if (table.required.length > 0) lines.push(`Needs a condition on ${table.required.join(' or ')}.`);
  return lines.join(' ') || undefined;
}

function columnOffers(
  table: SchemaTable,
  platforms: readonly Platform[] | undefined,
): Completion[] {
  return table.columns
    .filter((column) => columnIsOn(column, platforms))
    .map((column, at) => ({
      label: column.name,
      type: 'property',
      detail: columnDetail(table, column),
      info: columnInfo(table, column),
      // Declared order; what the table needs comes first.
      boost: (column.required ? 50 : 30) - Math.min(at, 20) - (column.hidden ? 10 : 0),
    }));
}

function columnDetail(table: SchemaTable, column: SchemaColumn): string {
  const marks = [column.type.replace('_', ' '), table.name];
  if (column.required) marks.push('required');
  if (column.denied) marks.push('denied');
  return marks.join(' · ');
}

function columnInfo(table: SchemaTable, column: SchemaColumn): string | undefined {
  const lines = [];
  if (column.denied) lines.push(column.denied);
  if (column.required) {
    lines.push(`${table.name} answers only with a condition on ${table.required.join(' or ')}.`);
  }
  if (column.hidden) lines.push('Not part of SELECT *.');
  if (column.platforms.length > 0) lines.push(`Only on ${column.platforms.join(', ')}.`);
  return lines.join(' ') || undefined;
}
