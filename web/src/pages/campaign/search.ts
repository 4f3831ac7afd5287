// SPDX-License-Identifier: Apache-2.0
// What the address of a campaign's page may hold: every door that was opened, every filter.

import type { AssignmentState, Outcome } from '@/api/schema';
import { flag, oneOf, type RawSearch, text } from '@/lib/search';

/** What of the ledger is wanted. */
export interface LedgerSearch {
  state?: AssignmentState;
  outcome?: Outcome;
  /** Late answers only, or timely ones only. */
  late?: boolean;
  /** Answers of which rows were cut. */
  truncated?: true;
  /** Text in the host's name. */
  q?: string;
}

/** What of the results is wanted. */
export interface ResultsSearch {
  /** Column by which rows are sorted on the server; in order of commit without it. */
  sort?: string;
  order?: 'desc';
  /** Text in any cell. */
  contains?: string;
  /** Text by column. */
  where?: Record<string, string>;
  /** Columns that are not shown. */
  hide?: string[];
}

/** Filters and choices that the address keeps. */
export interface CampaignSearch extends LedgerSearch, ResultsSearch {
  /** Whether the ledger is open. */
  ledger?: true;
  /** Text in the names of pending hosts. */
  pending?: string;
  /** Which answers are listed; late ones without it. */
  answers?: 'all';
  /** Text in the names of hosts that answered. */
  answered?: string;
  /** The host whose rows the drawer shows. */
  host?: string;
}

const STATES = [
  'pending',
  'offered',
  'responded',
  'lost',
  'cancelled',
  'blocked',
  'rejected',
] as const;
const OUTCOMES = ['rows', 'empty', 'error', 'denylisted'] as const;

function yesOrNo(value: unknown): boolean | undefined {
  if (flag(value)) return true;
  return value === false || value === 'false' || value === 0 ? false : undefined;
}

function words(value: unknown): string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const found = value.flatMap((item) => text(item) ?? []);
  return found.length > 0 ? found : undefined;
}

function texts(value: unknown): Record<string, string> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const found = Object.entries(value).flatMap(([key, item]) => {
    const wanted = text(item);
    return wanted === undefined ? [] : [[key, wanted] as const];
  });
  return found.length > 0 ? Object.fromEntries(found) : undefined;
}

/** Reads them; what is broken is dropped. */
export function campaignSearch(raw: RawSearch): CampaignSearch {
  return {
    ledger: flag(raw.ledger),
    state: oneOf(raw.state, STATES),
    outcome: oneOf(raw.outcome, OUTCOMES),
    late: yesOrNo(raw.late),
    truncated: flag(raw.truncated),
    q: text(raw.q),
    pending: text(raw.pending),
    answers: oneOf(raw.answers, ['all'] as const),
    answered: text(raw.answered),
    host: text(raw.host),
    sort: text(raw.sort),
    order: oneOf(raw.order, ['desc'] as const),
    contains: text(raw.contains),
    where: texts(raw.where),
    hide: words(raw.hide),
  };
}
