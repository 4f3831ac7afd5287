// SPDX-License-Identifier: Apache-2.0
// Signing in and out, and what a stranger gets.

import { PASSWORD, Server } from './world/server';
import { expect, signIn, test } from './world/test';

test('the first sign-in asks for a password of one’s own', async ({ page }) => {
  const server = await Server.start();
  try {
    await page.goto(`${server.url}/hosts?q=web`);
    await page.getByLabel('User name').fill(server.boot.admin_username);
    await page.getByLabel('Password', { exact: true }).fill('wrong');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await expect(page.getByRole('alert')).toContainText(/password/i);
    await page.getByLabel('Password', { exact: true }).fill(server.boot.admin_password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await expect(page.getByRole('heading', { name: 'Choose a password' })).toBeVisible();
    await page.getByLabel('Password until now').fill(server.boot.admin_password);
    await page.getByLabel('New password', { exact: true }).fill(PASSWORD);
    await page.getByLabel('New password once more').fill('something else altogether');
    await expect(page.getByText('The two differ.')).toBeVisible();
    await page.getByLabel('New password once more').fill(PASSWORD);
    await page.getByRole('button', { name: 'Change password' }).click();
    // The address that was asked for is still there.
    await expect(page.getByRole('heading', { name: 'Hosts', level: 1 })).toBeVisible();
    expect(page.url()).toBe(`${server.url}/hosts?q=web`);
  } finally {
    await server.remove();
  }
});

test('signing out shows nothing to who comes next', async ({ admin, server }) => {
  await admin.getByRole('button', { name: /Account of/ }).click();
  await admin.getByRole('menuitem', { name: 'Sign out' }).click();
  await expect(admin.getByRole('button', { name: 'Sign in' })).toBeVisible();
  await admin.goto(`${server.url}/settings`);
  await expect(admin.getByRole('button', { name: 'Sign in' })).toBeVisible();
});

test('a session that was ended elsewhere leads to the sign-in, and back', async ({
  admin,
  server,
}) => {
  await admin.context().clearCookies();
  await admin.getByRole('link', { name: 'Hosts', exact: true }).click();
  await expect(admin.getByRole('button', { name: 'Sign in' })).toBeVisible();
  await admin.getByLabel('User name').fill(server.boot.admin_username);
  await admin.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await admin.getByRole('button', { name: 'Sign in' }).click();
  await expect(admin.getByRole('heading', { name: 'Hosts', level: 1 })).toBeVisible();
});

test('the cookie is out of reach for scripts, other sites and plain HTTP', async ({ admin }) => {
  const cookies = await admin.context().cookies();
  const session = cookies.find((cookie) => cookie.name.startsWith('__Host-'));
  expect(session).toMatchObject({ httpOnly: true, secure: true, path: '/' });
  expect(['Lax', 'Strict']).toContain(session?.sameSite);
  expect(await admin.evaluate(() => document.cookie)).toBe('');
});

test('no script runs that the server did not bring', async ({ page, server }) => {
  await signIn(page, server, server.boot.admin_username, PASSWORD);
  const ran = await page.evaluate(() => {
    const script = document.createElement('script');
    let refused = false;
    try {
      script.text = 'window.injected = 1';
      document.head.append(script);
    } catch {
      refused = true;
    }
    return { refused, injected: 'injected' in window };
  });
  expect(ran.injected).toBe(false);
});
