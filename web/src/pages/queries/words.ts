// SPDX-License-Identifier: Apache-2.0
// Sentences that stand in more than one place of this page.

/** Why an operator runs and launches nothing. */
export const RUN_ADMIN_ONLY =
  'Only administrators run queries and launch campaigns. You can write SQL and check it here.';
/** Why an operator saves nothing. */
export const SAVE_ADMIN_ONLY = 'Only administrators change saved queries. You can open them.';
/** Why there is no campaign now. */
export const ENABLE_CAMPAIGNS =
  'Enable Campaigns on the Campaigns page to make queries offline-tolerant.';

/** The first line of a statement that says something, for lists. */
export function firstLine(sql: string): string {
  return (
    sql
      .split('\n')
      .find((line) => line.trim() !== '')
      ?.trim() ?? ''
  );
}
