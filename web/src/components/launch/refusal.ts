// SPDX-License-Identifier: Apache-2.0
// Which control a refusal belongs to. Pure.

import type { ApiProblem } from '@/api/problem';

/** A refusal taken apart by the control that caused it. */
export interface Refusal {
  /** About the statement. */
  sql?: string;
  /** About whom to ask. */
  target?: string;
  /** About the minutes of the live window. */
  window?: string;
  /** About the campaign's name. */
  name?: string;
  /** About the tick that makes a campaign of it. */
  tick?: string;
  /** About doing it at all: shown at the button. */
  action?: ApiProblem;
}

const FIELDS: readonly [prefix: string, place: keyof Omit<Refusal, 'action'>][] = [
  ['sql', 'sql'],
  ['saved_query_id', 'sql'],
  ['target', 'target'],
  ['use_saved_target', 'target'],
  ['live_window_minutes', 'window'],
  ['name', 'name'],
];

/** Sorts a refusal to its controls; whatever belongs to none stands at the button. */
export function refusalOf(problem: ApiProblem | undefined): Refusal {
  if (!problem) return {};
  const { code, detail } = problem;
  if (code === 'os_filter_unsupported') return { target: detail };
  if (code === 'campaigns_disabled') return { tick: detail };
  if (code === 'blocked_sql') return { sql: blocked(problem) };
  if (code !== 'invalid_request') return { action: problem };
  const refusal: Refusal = {};
  for (const { field, message } of problem.errors) {
    const place = FIELDS.find(
      ([prefix]) => field === prefix || field.startsWith(`${prefix}.`),
    )?.[1];
    if (place) refusal[place] = refusal[place] ? `${refusal[place]} ${message}` : message;
    else refusal.action = problem;
  }
  return problem.errors.length > 0 ? refusal : { action: problem };
}

/** Every table and every reason: the detail alone tells the first. */
function blocked({ detail, extra }: ApiProblem): string {
  const tables = Array.isArray(extra.tables) ? extra.tables.map(String) : [];
  const reason = typeof extra.reason === 'string' && extra.reason ? extra.reason : detail;
  return tables.length > 0
    ? `Refused by the deny-list: ${tables.join(', ')}. ${reason}`
    : `Refused by the deny-list. ${reason}`;
}

/** What `max_concurrent_hunts_reached` tells besides its sentence. */
export interface FullSlots {
  limit?: number;
  active: { id: string; name: string; live_until: string }[];
  nextSlotAt?: string;
}

/** Reads it; members that are not as described are left out. */
export function fullSlots({ extra }: ApiProblem): FullSlots {
  const active = Array.isArray(extra.active) ? extra.active : [];
  return {
    limit: typeof extra.limit === 'number' ? extra.limit : undefined,
    active: active.flatMap((item: unknown) => {
      const { id, name, live_until } = (item ?? {}) as Record<string, unknown>;
      return typeof id === 'string'
        ? [{ id, name: String(name ?? id), live_until: String(live_until ?? '') }]
        : [];
    }),
    nextSlotAt: typeof extra.next_slot_at === 'string' ? extra.next_slot_at : undefined,
  };
}
