// SPDX-License-Identifier: Apache-2.0
// Every page there is to look at.

import type { Scene } from './scene';

/** Name and address of each. */
export function addressesOf(scene: Scene): [string, string][] {
  const campaign = `/campaigns/${scene.running}`;
  return [
    ['dashboard', '/'],
    ['hosts', '/hosts'],
    ['host', `/hosts/${scene.host}`],
    ['queries', '/queries'],
    ['campaigns', '/campaigns'],
    ['campaign', campaign],
    ['campaign-stopped', `/campaigns/${scene.stopped}`],
    ['campaign-capped', `/campaigns/${scene.capped}`],
    ['audit', '/audit'],
    ['settings-general', '/settings/general'],
    ['settings-deny-list', '/settings/deny-list'],
    ['settings-users', '/settings/users'],
    ['settings-api-keys', '/settings/api-keys'],
    ['settings-enrolment', '/settings/enrolment'],
    ['not-found', '/nowhere'],
  ];
}
