// SPDX-License-Identifier: Apache-2.0
// What pages use of SQL's parts.

export { formatSql } from './format';
export { handOver, takeOver } from './handover';
export { schemaQuery, useCheck } from './queries';
export { SqlEditor } from './SqlEditor';
export { SqlView } from './SqlView';
export type { SqlEditorHandle } from './types';
