// SPDX-License-Identifier: Apache-2.0
// How settings are grouped and called. A setting that is not named here is shown all the same, in
// the last group, by its own name.

import type { SettingDescription } from '@/api/schema';
import { bytes, count, duration } from '@/lib/format';

const GROUPS: readonly { title: string; names: Readonly<Record<string, string>> }[] = [
  {
    title: 'Campaigns',
    names: {
      offline_campaigns_enabled: 'Campaigns enabled',
      max_concurrent_hunts: 'Concurrent campaigns and hunts',
      per_user_hunt_isolation: 'Count concurrency per user',
      stop_grace_minutes: 'Grace time after a stop',
      operator_hunt_host_cap: 'Hosts of an operator’s hunt',
    },
  },
  {
    title: 'Caps on results of campaigns',
    names: {
      campaign_host_row_cap: 'Rows of one host',
      campaign_host_byte_cap: 'Bytes of one host',
      campaign_aggregate_row_cap: 'Rows of one campaign',
    },
  },
  {
    title: 'Live queries',
    names: {
      live_query_row_cap: 'Rows of one live query',
      live_query_window_s: 'Window of a live query',
    },
  },
  {
    title: 'Hosts and agents',
    names: {
      host_online_s: 'Online within',
      host_offline_s: 'Offline beyond',
      agent_poll_interval_s: 'Poll interval of agents',
    },
  },
];

/** One group with its settings. */
export interface SettingGroup {
  title: string;
  settings: { label: string; item: SettingDescription }[];
}

/** Numbers and switches in groups; lists of names have a section of their own. */
export function grouped(items: readonly SettingDescription[]): SettingGroup[] {
  const left = new Map(
    items.filter(({ kind }) => kind !== 'names').map((item) => [item.name, item]),
  );
  const groups = GROUPS.map(({ title, names }) => ({
    title,
    settings: Object.entries(names).flatMap(([name, label]) => {
      const item = left.get(name);
      left.delete(name);
      return item ? [{ label, item }] : [];
    }),
  }));
  const others = [...left.values()].map((item) => ({ label: item.name, item }));
  groups.push({ title: 'Others', settings: others });
  return groups.filter(({ settings }) => settings.length > 0);
}

/** What stands beside a field's number: the number as people read it, or what it counts. */
export function besideNumber(unit: string | null, value: number): string {
  const isMeasure = unit === 'bytes' || unit === 'seconds' || unit === 'minutes';
  return isMeasure ? inUnits(unit, value) : (unit ?? '');
}

/** A number with its unit, as people read it: `64.0 MiB`, `10 min`, `50,000 rows`. */
export function inUnits(unit: string | null, value: number): string {
  if (unit === 'bytes') return bytes(value);
  if (unit === 'seconds') return duration(value * 1_000);
  if (unit === 'minutes') return duration(value * 60_000);
  return unit ? `${count(value)} ${unit}` : count(value);
}
