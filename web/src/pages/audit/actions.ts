// SPDX-License-Identifier: Apache-2.0
// Actions to choose from while typing. Any other text may be typed as well: the server compares the
// beginning of an action's name.

/** Groups and names of what is recorded. */
export const ACTIONS: readonly string[] = [
  'auth.',
  'auth.login',
  'auth.password',
  'campaign.',
  'campaign.launch',
  'campaign.stop',
  'campaign.archive',
  'campaign.drop_rows',
  'campaign.export',
  'query.run',
  'saved_query.',
  'host.',
  'host.enroll',
  'host.decommission',
  'enrollment_',
  'enrollment_secret.create',
  'enrollment_kit.create',
  'settings.change',
  'user.',
  'user.create',
  'user.change',
  'api_key.',
];
