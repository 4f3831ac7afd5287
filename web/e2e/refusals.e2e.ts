// SPDX-License-Identifier: Apache-2.0
// Every refusal stands beside the control that caused it, in the server's words.

import type { Page } from '@playwright/test';
import { ScriptedHost } from './world/hosts';
import { PASSWORD } from './world/server';
import { asOperator, campaign, chooseHosts, editor, launch, setFlag, typeSql } from './world/steps';
import { expect, signIn, test } from './world/test';

const TICK = 'Launch as campaign (offline-tolerant)';

async function tryLaunch(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Launch as campaign', exact: true }).click();
}

test('launches that are refused', async ({ admin, server }) => {
  await setFlag(server, true);
  await ScriptedHost.enrol(server, 'one-5', '5d1fd2ae-0000-4000-8000-000000000051');
  await ScriptedHost.enrol(server, 'two-5', '5d1fd2ae-0000-4000-8000-000000000052');
  await admin.goto('/queries');
  await admin.getByLabel(TICK).check();

  await test.step('a denied table, fleet-wide', async () => {
    await typeSql(admin, 'SELECT * FROM curl');
    await tryLaunch(admin);
    const alert = admin.getByRole('alert').filter({ hasText: 'curl' });
    await expect(alert.first()).toBeVisible();
  });

  await test.step('no SQL at all, and two statements', async () => {
    await typeSql(admin, 'SELECT 1; SELECT 2');
    await tryLaunch(admin);
    await expect(admin.getByRole('alert').first()).toContainText(/one statement|statement/i);
  });

  await test.step('a filter by operating system', async () => {
    await typeSql(admin, 'SELECT 1 AS one');
    await admin.getByText('By OS', { exact: true }).click();
    await admin.getByRole('checkbox', { name: 'Linux' }).check();
    const sentence =
      'Campaigns don’t yet support OS-filtered targets — pick Fleet or specific hosts instead.';
    if (await admin.getByRole('button', { name: 'Launch as campaign', exact: true }).isEnabled()) {
      await tryLaunch(admin);
    }
    await expect(admin.getByText(sentence).first()).toBeVisible();
    await admin.getByText('Fleet', { exact: true }).first().click();
  });

  await test.step('a live window out of range', async () => {
    await admin.getByLabel('Live window (minutes)').fill('1441');
    await expect(admin.getByText(/from 1 to 1440/)).toBeVisible();
    await admin.getByLabel('Live window (minutes)').fill('10');
  });

  await test.step('no slot left', async () => {
    const before = await server.ok('GET', '/settings');
    // Campaigns of other tests may hold slots, too.
    const active = await server.ok('GET', '/campaigns?status=active&limit=500');
    const held = active.items.filter((item: { live: boolean }) => item.live).length;
    await server.ok('PATCH', '/settings', { max_concurrent_hunts: held + 1 });
    const holder = await launch(server, 'SELECT 2 AS two', { name: 'Holds the slot' }).catch(
      () => '',
    );
    await tryLaunch(admin);
    const alert = admin.getByRole('alert').filter({ hasText: 'All slots are taken' });
    await expect(alert).toBeVisible();
    await expect(alert.getByRole('link', { name: 'Holds the slot' })).toBeVisible();
    await server.ok('PATCH', '/settings', { max_concurrent_hunts: before.max_concurrent_hunts });
    await server.ok('POST', `/campaigns/${holder}/stop`, {});
  });

  await test.step('campaigns were switched off meanwhile', async () => {
    await setFlag(server, false);
    await tryLaunch(admin);
    await expect(
      admin
        .getByRole('alert')
        .filter({ hasText: /disabled|Enable Campaigns/i })
        .first(),
    ).toBeVisible();
    await setFlag(server, true);
  });
});

test('a campaign that somebody else has stopped', async ({ admin, server }) => {
  await setFlag(server, true);
  await ScriptedHost.enrol(server, 'quiet-6', '5d1fd2ae-0000-4000-8000-000000000061');
  const id = await launch(server, 'SELECT 1 AS one', { name: 'Stopped twice' });
  await admin.goto(`/campaigns/${id}`);
  await admin.getByRole('button', { name: 'Stop Campaign' }).click();
  const dialog = admin.getByRole('dialog', { name: 'Stop this campaign?' });
  await expect(dialog).toBeVisible();
  await server.ok('POST', `/campaigns/${id}/stop`, { reason: 'I was first' });
  await expect(admin.getByText('I was first')).toBeVisible();
  expect((await campaign(server, id)).stop_reason).toBe('I was first');
});

test('what an operator may not do is visible, and says who can', async ({ page, server }) => {
  await setFlag(server, true);
  await ScriptedHost.enrol(server, 'held-7', '5d1fd2ae-0000-4000-8000-000000000071');
  const id = await launch(server, 'SELECT 1 AS one', { name: 'Seen by operators' });
  await asOperator(page, server, 'oskar');
  await page.goto(`${server.url}/campaigns/${id}`);
  const stop = page.getByRole('button', { name: 'Stop Campaign' });
  await expect(stop).toBeDisabled();
  await page.goto(`${server.url}/campaigns`);
  await page.getByRole('button', { name: 'Disable Campaigns' }).click();
  await expect(page.getByRole('alert').filter({ hasText: /administrator/i })).toBeVisible();
  expect((await server.ok('GET', '/settings')).offline_campaigns_enabled).toBe(true);
  await expect(page.getByRole('link', { name: 'Audit' })).toHaveCount(0);
  await page.goto(`${server.url}/audit`);
  await expect(page.getByRole('alert')).toBeVisible();
  await page.goto(`${server.url}/queries`);
  await expect(editor(page)).toBeVisible();
  await typeSql(page, 'SELECT pid FROM processes');
  await expect(page.getByRole('button', { name: 'Run query' })).toBeDisabled();
});

test('nothing at this address', async ({ admin }) => {
  await admin.goto('/campaigns/0197b2a0-0000-7000-8000-00000000dead');
  await expect(admin.getByText(/no such campaign|not found|There is no/i).first()).toBeVisible();
  await admin.goto('/hosts/not-an-id');
  await expect(admin.getByText(/not found|no such|There is no|id/i).first()).toBeVisible();
});

test('too many wrong passwords', async ({ page, server }) => {
  await page.goto(server.url);
  for (let attempt = 0; attempt < 15; attempt += 1) {
    await page.getByLabel('User name').fill('nobody-here');
    await page.getByLabel('Password', { exact: true }).fill(`wrong ${attempt}`);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await expect(page.getByRole('button', { name: 'Sign in' })).toBeEnabled();
  }
  await expect(page.getByRole('alert')).toContainText(/too many|again in|wait/i);
});

test('a server that does not answer', async ({ page, server }) => {
  await signIn(page, server, server.boot.admin_username, PASSWORD);
  await page.route('**/api/v1/hosts*', (route) => route.abort('connectionrefused'));
  await page.getByRole('link', { name: 'Hosts', exact: true }).click();
  await expect(page.getByText('No connection')).toBeVisible();
  await page.unroute('**/api/v1/hosts*');
  await expect(page.getByText('No connection')).toBeHidden({ timeout: 30_000 });
});

test('hosts are chosen by name', async ({ admin, server }) => {
  await ScriptedHost.enrol(server, 'alpha-8', '5d1fd2ae-0000-4000-8000-000000000081');
  await ScriptedHost.enrol(server, 'beta-8', '5d1fd2ae-0000-4000-8000-000000000082');
  await admin.goto('/queries');
  await chooseHosts(admin, ['alpha-8', 'beta-8']);
  await expect(admin.getByText(/^2 hosts targeted/)).toBeVisible();
});
