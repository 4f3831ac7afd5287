// SPDX-License-Identifier: Apache-2.0
// A server that goes away and comes back, under an open page.

import { ScriptedHost } from './world/hosts';
import { expectCoverage, launch, setFlag } from './world/steps';
import { expect, test } from './world/test';

test('an open campaign goes on by itself after a restart of the server', async ({
  admin,
  server,
}) => {
  test.setTimeout(120_000);
  await setFlag(server, true);
  const uuid = (n: number) => `5d1fd2ae-0000-4000-8000-00000000010${n}`;
  const hosts = [];
  for (const n of [1, 2, 3]) hosts.push(await ScriptedHost.enrol(server, `phoenix-${n}`, uuid(n)));
  const found = await server.ok('GET', '/hosts?q=phoenix-');
  const host_ids = found.items.map((host: { id: string }) => host.id);
  const id = await launch(server, 'SELECT 1 AS one', { target: { type: 'hosts', host_ids } });
  await admin.goto(`/campaigns/${id}`);
  await hosts[0]?.answer([{ one: '1' }]);
  await expectCoverage(admin, 'Responded', 1);
  await admin.evaluate(() => Object.assign(window, { same: true }));

  await server.down('SIGKILL');
  await expect(admin.getByText(/Reconnecting|No connection/)).toBeVisible({ timeout: 30_000 });
  await server.up();
  await hosts[1]?.answer([{ one: '2' }]);
  await expectCoverage(admin, 'Responded', 2, 30_000);
  await expect(admin.getByText(/Reconnecting|No connection/)).toBeHidden({ timeout: 30_000 });
  await hosts[2]?.answer([{ one: '3' }]);
  await expectCoverage(admin, 'Responded', 3);
  await expectCoverage(admin, 'Pending', 0);
  expect(await admin.evaluate(() => 'same' in window), 'the page was never reloaded').toBe(true);
});
