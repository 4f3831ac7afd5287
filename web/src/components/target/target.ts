// SPDX-License-Identifier: Apache-2.0
// Targets as pages and addresses hold them. Written as on the command line: `all`,
// `hosts:ID,ID`, `os:linux,darwin`. Pure.

import type { Host, Platform, Target } from '@/api/schema';

/** The platforms there are. */
export const PLATFORMS: readonly Platform[] = ['linux', 'darwin', 'windows'];
/** Characters of a target that an address may carry; a longer one stays in the draft only. */
const ADDRESS_TARGET_CHARS = 1_500;
/** Hosts in one target that the server takes. */
export const TARGET_HOSTS_MAX = 100_000;

/** Everybody. */
export const FLEET: Target = { type: 'all' };

/** Refusal of an OS-filtered target for a campaign, word for word as the server says it. */
export const OS_FILTER_SENTENCE =
  'Campaigns don\u2019t yet support OS-filtered targets \u2014 pick Fleet or specific hosts instead.';

/** The target for an address; nothing when it is too long for one. */
export function writeTarget(target: Target): string | undefined {
  const words =
    target.type === 'all'
      ? 'all'
      : target.type === 'hosts'
        ? `hosts:${target.host_ids.join(',')}`
        : `os:${target.platforms.join(',')}`;
  return words.length <= ADDRESS_TARGET_CHARS ? words : undefined;
}

/** A target from an address; what is broken is nothing, never the fleet. */
export function readTarget(words: string | undefined): Target | undefined {
  if (words === 'all') return FLEET;
  const [kind, list = ''] = words?.split(':', 2) ?? [];
  const items = [...new Set(list.split(',').filter(Boolean))];
  if (kind === 'hosts') return { type: 'hosts', host_ids: items };
  if (kind === 'os') {
    return { type: 'os_in', platforms: PLATFORMS.filter((platform) => items.includes(platform)) };
  }
  return undefined;
}

/** Whether two targets name the same, in the same order. */
export function sameTarget(a: Target, b: Target): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** What the reader has still to choose; nothing when the target is whole. */
export function missing(target: Target): string | undefined {
  if (target.type === 'hosts' && target.host_ids.length === 0) return 'Choose at least one host.';
  if (target.type === 'os_in' && target.platforms.length === 0) {
    return 'Choose at least one operating system.';
  }
  return undefined;
}

/** Platforms whose tables a query for this target may read; `undefined` is all of them. */
export function platformsOf(target: Target, hosts: readonly Host[]): Platform[] | undefined {
  if (target.type === 'all') return undefined;
  if (target.type === 'os_in') return target.platforms.length > 0 ? target.platforms : undefined;
  const known = hosts.filter(({ id }) => target.host_ids.includes(id));
  if (known.length < target.host_ids.length) return undefined;
  const platforms = PLATFORMS.filter((platform) =>
    known.some((host) => host.platform === platform),
  );
  return platforms.length > 0 ? platforms : undefined;
}
