// SPDX-License-Identifier: Apache-2.0
// Searching tables by their names and those of their columns. Pure.

import type { Platform, SchemaTable } from '@/api/schema';
import { isOn } from '@/components/sql/schema-index';

/** A table that was found; by which columns, when not by its own name. */
export interface FoundTable {
  table: SchemaTable;
  columns: string[];
}

/** Tables of these platforms with this text: by name first, then by column. */
export function findTables(
  tables: readonly SchemaTable[],
  text: string,
  platforms: readonly Platform[] | undefined,
): FoundTable[] {
  const wanted = text.trim().toLowerCase();
  const here = tables.filter((table) => isOn(table, platforms));
  if (wanted === '') return here.map((table) => ({ table, columns: [] }));
  const rank = ({ name, aliases }: SchemaTable) => {
    if (name.startsWith(wanted)) return 0;
    return [name, ...aliases].some((other) => other.includes(wanted)) ? 1 : 2;
  };
  return here
    .map((table) => ({
      table,
      rank: rank(table),
      columns: table.columns.map(({ name }) => name).filter((name) => name.includes(wanted)),
    }))
    .filter((found) => found.rank < 2 || found.columns.length > 0)
    .sort((a, b) => a.rank - b.rank)
    .map(({ table, columns, rank: place }) => ({ table, columns: place < 2 ? [] : columns }));
}
