// SPDX-License-Identifier: Apache-2.0
// Users, keys, enrolment, settings, and the trail that all of it leaves.

import { execFileSync } from 'node:child_process';
import { ScriptedHost } from './world/hosts';
import { asOperator } from './world/steps';
import { expect, test } from './world/test';

test('a kit enrols hosts, and its secret can be revoked', async ({ admin, server }) => {
  await admin.goto('/settings/enrolment');
  await admin.getByRole('button', { name: 'Create secret' }).click();
  const dialog = admin.getByRole('dialog');
  await dialog.getByLabel('Name').fill('laptops');
  await dialog.getByRole('button', { name: /Create/ }).click();
  await expect(
    dialog.getByText(/shown once|only now|not be shown again|this once/i).first(),
  ).toBeVisible();
  const download = admin.waitForEvent('download');
  await dialog.getByRole('button', { name: /Download kit/ }).click();
  const path = await (await download).path();
  const files = execFileSync('tar', ['-tzf', path], { encoding: 'utf8' });
  expect(files).toContain('secret');
  expect(files).toContain('ca.pem');
  const secret = execFileSync('tar', ['-xzOf', path, '--wildcards', '*/secret'], {
    encoding: 'utf8',
  }).trim();
  const enrolled = await server.agent('enroll', {
    enroll_secret: secret,
    host_identifier: '5d1fd2ae-0000-4000-8000-0000000000a1',
    platform_type: '9',
    host_details: { system_info: { hostname: 'from-kit' } },
  });
  expect(enrolled.body.node_key).toBeTruthy();
  await dialog.getByRole('button', { name: 'Done' }).click();
  await admin.getByRole('button', { name: /Revoke secret laptops/ }).click();
  await admin
    .getByRole('dialog')
    .getByRole('button', { name: /Revoke/ })
    .click();
  await expect(admin.getByText(/revoked/i).first()).toBeVisible();
  const refused = await server.agent('enroll', {
    enroll_secret: secret,
    host_identifier: '5d1fd2ae-0000-4000-8000-0000000000a2',
    platform_type: '9',
    host_details: {},
  });
  expect(refused.body.node_key).toBeUndefined();
  expect(refused.body.error).toBeTruthy();
});

test('settings say what is wrong at the field, and what changed is in the trail', async ({
  admin,
  server,
}) => {
  await admin.goto('/settings/general');
  const cap = admin.getByLabel('Rows of one live query');
  await cap.fill('0');
  await expect(admin.getByRole('button', { name: 'Save changes' })).toBeDisabled();
  await expect(cap).toHaveAttribute('aria-invalid', 'true');
  await cap.fill('123');
  await admin.getByRole('button', { name: 'Save changes' }).click();
  await expect.poll(async () => (await server.ok('GET', '/settings')).live_query_row_cap).toBe(123);
  await admin.goto('/audit?action=settings');
  await expect(
    admin
      .getByText('settings.change')
      .or(admin.getByText(/settings/))
      .first(),
  ).toBeVisible();
  await admin.goto('/audit');
  await admin.getByRole('button', { name: 'Verify chain' }).click();
  await expect(admin.getByText('The chain is whole')).toBeVisible();
});

test('users are made, and cut off at once', async ({ admin, server, browser }) => {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  await asOperator(page, server, 'otto');
  await admin.goto('/settings/users');
  await admin.getByRole('button', { name: 'Actions for otto' }).click();
  await admin.getByRole('menuitem', { name: 'Edit' }).click();
  const dialog = admin.getByRole('dialog');
  await dialog.getByRole('switch', { name: 'Disabled' }).press('Space');
  await dialog.getByRole('button', { name: /^Save/ }).click();
  await expect
    .poll(async () => {
      const users = await server.ok('GET', '/users');
      return users.items.find((user: { username: string }) => user.username === 'otto').disabled;
    })
    .toBe(true);
  await page.getByRole('link', { name: 'Hosts', exact: true }).click();
  await expect(page.getByRole('button', { name: 'Sign in' })).toBeVisible();
  await context.close();
});

test('a decommissioned host is cut off, and its history stays', async ({ admin, server }) => {
  const host = await ScriptedHost.enrol(server, 'old-1', '5d1fd2ae-0000-4000-8000-0000000000b1');
  await admin.goto('/hosts?q=old-1');
  await admin.getByRole('link', { name: 'old-1' }).click();
  await admin.getByRole('button', { name: 'Decommission' }).click();
  const dialog = admin.getByRole('dialog');
  await dialog.getByLabel(/to confirm/).fill('old-1');
  await dialog.getByRole('button', { name: 'Decommission' }).click();
  await expect(dialog).toBeHidden();
  await expect(admin.getByText('decommissioned').first()).toBeVisible();
  await expect(host.read()).rejects.toThrow(/node_invalid/);
});
