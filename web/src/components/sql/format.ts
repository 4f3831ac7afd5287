// SPDX-License-Identifier: Apache-2.0
// Laying out SQL. The formatter is large, so it is fetched when it is first asked for.

/** The statement in a readable layout; throws for text that is no SQL, which stays as it is. */
export async function formatSql(sql: string): Promise<string> {
  const { formatDialect, sqlite } = await import('sql-formatter');
  return formatDialect(sql, {
    dialect: sqlite,
    keywordCase: 'upper',
    tabWidth: 2,
    expressionWidth: 70,
  });
}
