// SPDX-License-Identifier: Apache-2.0
// A small schema for tests.

import type { Schema, SchemaColumn, SchemaTable } from '@/api/schema';
import { indexSchema } from './schema-index';

function column(name: string, more: Partial<SchemaColumn> = {}): SchemaColumn {
  return {
    name,
    type: 'text',
    required: false,
    index: false,
    additional: false,
    hidden: false,
    platforms: [],
    aliases: [],
    denied: null,
    ...more,
  };
}

function table(name: string, columns: SchemaColumn[], more: Partial<SchemaTable> = {}) {
  return {
    name,
    aliases: [],
    platforms: ['linux', 'darwin', 'windows'],
    evented: false,
    cacheable: false,
    user_data: false,
    url: '',
    denied: null,
    required: [],
    columns,
    ...more,
  } satisfies SchemaTable;
}

const schema: Schema = {
  osquery_version: '5.0.0',
  tables: [
    table('carves', [column('path')], { denied: 'It reads files.' }),
    table('file', [column('size'), column('path', { required: true })], { required: ['path'] }),
    table('processes', [column('pid'), column('name'), column('cmdline', { denied: 'Secrets.' })]),
    table('registry', [column('key')], { platforms: ['windows'] }),
    table('users', [column('uid'), column('uuid', { platforms: ['darwin'] })], {
      aliases: ['people'],
    }),
  ],
  extension_tables: ['acme_inventory'],
  functions: [{ name: 'concat', denied: null }],
};

/** Tables `carves` (denied), `file` (needs a path), `processes`, `registry` (Windows), `users`. */
export const SAMPLE = indexSchema(schema);
