// SPDX-License-Identifier: Apache-2.0
// What the address of this page may hold.

import { type PageSearch, pageSearch } from '@/components/Pager';
import { type RawSearch, text } from '@/lib/search';

/** What narrows the list. */
export interface AuditFilters {
  /** Part of a name. */
  actor?: string;
  /** An action or its beginning. */
  action?: string;
  /** Not before and before, in UTC: `2026-11-23T17:00:00Z`. */
  from?: string;
  to?: string;
}

/** Filters, where in the list one is, and the entry that is looked for. */
export interface AuditSearch extends AuditFilters, PageSearch {
  /** The number of an entry: it is searched and shown among its neighbours. */
  entry?: string;
}

/** A moment in UTC as addresses and requests write it. */
function moment(value: unknown): string | undefined {
  const at = Date.parse(text(value) ?? '');
  return Number.isNaN(at) ? undefined : new Date(at).toISOString().replace('.000Z', 'Z');
}

/** Reads them; what is broken is dropped. */
export function auditSearch(raw: RawSearch): AuditSearch {
  const entry = text(raw.entry);
  return {
    actor: text(raw.actor),
    action: text(raw.action),
    from: moment(raw.from),
    to: moment(raw.to),
    entry: entry && /^[1-9][0-9]{0,15}$/.test(entry) ? entry : undefined,
    ...pageSearch(raw),
  };
}
