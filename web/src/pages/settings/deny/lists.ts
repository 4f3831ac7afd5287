// SPDX-License-Identifier: Apache-2.0
// The four lists of names that decide what may be asked of more than one host. Pure.

import type { DefaultDenial, Schema } from '@/api/schema';
import type { SettingName } from '../draft';

/** One list. */
export interface NameList {
  name: SettingName &
    ('denied_tables' | 'denied_columns' | 'denied_functions' | 'allowed_extension_tables');
  label: string;
  /** What an entry looks like. */
  example: string;
  /** The kind of its default entries. */
  kind?: DefaultDenial['kind'];
}

/** In the order of the page. */
export const LISTS: readonly NameList[] = [
  { name: 'denied_tables', label: 'Denied tables', example: 'curl', kind: 'table' },
  {
    name: 'denied_columns',
    label: 'Denied columns',
    example: 'yara_file.sigurl',
    kind: 'column',
  },
  { name: 'denied_functions', label: 'Denied functions', example: 'sleep', kind: 'function' },
  {
    name: 'allowed_extension_tables',
    label: 'Allowed extension tables',
    example: 'my_extension_table',
  },
];

/** Names that may be chosen while typing. Tables of extensions are nowhere declared. */
export function choices(list: NameList, schema: Schema | undefined): string[] {
  if (!schema) return [];
  switch (list.name) {
    case 'denied_tables':
      return unique(schema.tables.flatMap(({ name, aliases }) => [name, ...aliases]));
    case 'denied_columns':
      return unique(
        schema.tables.flatMap((table) => table.columns.map(({ name }) => `${table.name}.${name}`)),
      );
    case 'denied_functions':
      return unique(schema.functions.map(({ name }) => name));
    default:
      return [];
  }
}

function unique(names: string[]): string[] {
  return [...new Set(names)];
}

/** Entries by why they are denied; those of administrators have no reason. */
export function byReason(
  entries: readonly string[],
  list: NameList,
  denials: readonly DefaultDenial[],
): { reason: string | undefined; names: string[] }[] {
  const groups = new Map<string | undefined, string[]>();
  for (const name of entries) {
    const denial = denials.find((other) => other.kind === list.kind && other.name === name);
    const group = groups.get(denial?.reason);
    if (group) group.push(name);
    else groups.set(denial?.reason, [name]);
  }
  return [...groups].map(([reason, names]) => ({ reason, names }));
}
