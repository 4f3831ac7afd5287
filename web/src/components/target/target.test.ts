// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import type { Host, Target } from '@/api/schema';
import { missing, platformsOf, readTarget, writeTarget } from './target';

it('survives an address', () => {
  const targets: Target[] = [
    { type: 'all' },
    { type: 'hosts', host_ids: ['a', 'b'] },
    { type: 'hosts', host_ids: [] },
    { type: 'os_in', platforms: ['linux', 'windows'] },
  ];
  for (const target of targets) expect(readTarget(writeTarget(target))).toEqual(target);
});

it('is never the fleet by mistake', () => {
  for (const broken of [undefined, '', 'ALL', 'hosts', 'everybody', 'all:x']) {
    expect(readTarget(broken)?.type).not.toBe('all');
  }
  expect(readTarget('os:beos,linux,linux')).toEqual({ type: 'os_in', platforms: ['linux'] });
  expect(missing({ type: 'os_in', platforms: [] })).toContain('operating system');
});

it('stays out of an address when it is long', () => {
  const host_ids = Array.from({ length: 100 }, (_, at) => `01a20a3c-5efb-775d-8ea5-${at}`);
  expect(writeTarget({ type: 'hosts', host_ids })).toBeUndefined();
});

it('knows the platforms of hosts once all of them are known', () => {
  const linux = { id: 'a', platform: 'linux' } as Host;
  const other = { id: 'b', platform: null } as Host;
  expect(platformsOf({ type: 'hosts', host_ids: ['a', 'b'] }, [linux])).toBeUndefined();
  expect(platformsOf({ type: 'hosts', host_ids: ['a', 'b'] }, [linux, other])).toEqual(['linux']);
  expect(platformsOf({ type: 'hosts', host_ids: ['b'] }, [other])).toBeUndefined();
  expect(platformsOf({ type: 'all' }, [])).toBeUndefined();
});
