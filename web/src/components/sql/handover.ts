// SPDX-License-Identifier: Apache-2.0
// Handing a statement to the editor of another page. Short ones travel in the address; long ones
// would break it, so they wait in this tab's storage under a key that travels instead.

/** Characters of SQL that an address may carry. */
export const ADDRESS_SQL_CHARS = 2_000;
const SLOT = 'mimir.handover';

/** What the address of the editor holds for this statement. */
export function handOver(sql: string): { sql: string } | { text: string } {
  if (sql.length <= ADDRESS_SQL_CHARS) return { sql };
  const text = Date.now().toString(36);
  try {
    sessionStorage.setItem(SLOT, JSON.stringify({ text, sql }));
  } catch {
    // Without storage a long address is still better than a lost statement.
    return { sql };
  }
  return { text };
}

/** The statement that waits under this key; only the last one that was handed over waits. */
export function takeOver(text: string): string | undefined {
  try {
    const slot: unknown = JSON.parse(sessionStorage.getItem(SLOT) ?? 'null');
    const { text: key, sql } = slot as { text?: unknown; sql?: unknown };
    return key === text && typeof sql === 'string' ? sql : undefined;
  } catch {
    return undefined;
  }
}
