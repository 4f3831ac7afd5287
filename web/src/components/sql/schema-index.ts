// SPDX-License-Identifier: Apache-2.0
// The schema by name, as completion, the panel of tables and findings look things up. Pure.

import type { Platform, Schema, SchemaColumn, SchemaTable } from '@/api/schema';

/** The schema with its tables by every name they have. */
export interface SchemaIndex {
  schema: Schema;
  /** By name and alias, in lower case. */
  byName: ReadonlyMap<string, SchemaTable>;
}

/** Builds the index. */
export function indexSchema(schema: Schema): SchemaIndex {
  const byName = new Map<string, SchemaTable>();
  for (const table of schema.tables) {
    for (const alias of table.aliases) byName.set(alias.toLowerCase(), table);
  }
  // A table's own name comes before another's alias.
  for (const table of schema.tables) byName.set(table.name.toLowerCase(), table);
  return { schema, byName };
}

/** Whether a table exists on one of these platforms; `undefined` stands for every platform. */
export function isOn(
  table: Pick<SchemaTable, 'platforms'>,
  platforms: readonly Platform[] | undefined,
): boolean {
  return !platforms || table.platforms.some((platform) => platforms.includes(platform));
}

/** Whether a column has content on one of these platforms. */
export function columnIsOn(
  column: Pick<SchemaColumn, 'platforms'>,
  platforms: readonly Platform[] | undefined,
): boolean {
  return column.platforms.length === 0 || isOn(column, platforms);
}

/** The order in which a person would lay out a result's columns: as the SQL names them, then as the
 * tables declare them, then as they came. */
export function columnOrder(
  names: readonly string[],
  written: readonly string[],
  declared: readonly string[],
): string[] {
  const rank = (name: string) => {
    const lower = name.toLowerCase();
    const place = written.indexOf(lower);
    if (place >= 0) return place;
    const column = declared.indexOf(lower);
    return written.length + (column >= 0 ? column : declared.length);
  };
  return names
    .map((name, at) => ({ name, at, rank: rank(name) }))
    .sort((a, b) => a.rank - b.rank || a.at - b.at)
    .map(({ name }) => name);
}
