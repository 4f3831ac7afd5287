// SPDX-License-Identifier: Apache-2.0
// The SQL that osquery takes: SQLite's words and nothing of other databases, whose longer lists
// would colour columns such as `path` and `name` as keywords.

import { SQLDialect, SQLite } from '@codemirror/lang-sql';

/** SQLite's dialect with the words that a SELECT can have. */
export const OSQUERY = SQLDialect.define({
  ...SQLite.spec,
  keywords:
    'all and as asc between by case cast collate cross current current_date current_time ' +
    'current_timestamp desc distinct else end escape except exclude exists filter following from ' +
    'full glob group groups having in inner intersect into is isnull join left like limit match ' +
    'materialized natural not notnull null nulls offset on or order outer over partition preceding ' +
    'range recursive regexp right rows select then ties unbounded union using values when where ' +
    'window with',
  types: 'blob integer numeric real text',
  builtin: '',
});
