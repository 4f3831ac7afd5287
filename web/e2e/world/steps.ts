// SPDX-License-Identifier: Apache-2.0
// What an operator does, in one place, so that tests read as they would tell it.

import { expect, type Locator, type Page } from '@playwright/test';
import type { Campaign, Target } from '../../src/api/schema';
import { until } from './process';
import type { Server } from './server';
import { signIn } from './test';

/** The editor of SQL. */
export function editor(page: Page): Locator {
  return page.getByRole('textbox', { name: 'SQL', exact: true });
}

/** Replaces what the editor holds, by keys. */
export async function typeSql(page: Page, sql: string): Promise<void> {
  await editor(page).click();
  await page.keyboard.press('ControlOrMeta+a');
  await page.keyboard.type(sql);
  await page.keyboard.press('Escape');
}

/** Switches campaigns on or off behind the console's back. */
export async function setFlag(server: Server, enabled: boolean): Promise<void> {
  await server.ok('PATCH', '/settings', { offline_campaigns_enabled: enabled });
}

/** Launches through the API. */
export async function launch(
  server: Server,
  sql: string,
  {
    name,
    minutes = 10,
    target = { type: 'all' },
  }: Partial<{ name: string; minutes: number; target: Target }> = {},
): Promise<string> {
  const body = { name, sql, live_window_minutes: minutes, target };
  return (await server.ok('POST', '/campaigns', body)).campaign.id;
}

/** A campaign as the API tells of it. */
export function campaign(server: Server, id: string): Promise<Campaign> {
  return server.ok('GET', `/campaigns/${id}`);
}

/** The id of the campaign whose page is open. */
export async function openCampaign(page: Page): Promise<string> {
  await page.waitForURL(/\/campaigns\/[0-9a-f-]{36}/);
  return new URL(page.url()).pathname.split('/').at(-1) ?? '';
}

/** One of the three numbers of the Coverage card. */
export function coverageNumber(page: Page, label: string): Locator {
  const card = page.getByRole('region', { name: 'Coverage', exact: true });
  return card.getByRole('link', { name: new RegExp(`^${label}\\b`) });
}

/** Waits until a number of the Coverage card is this one. */
export async function expectCoverage(page: Page, label: string, hosts: number, timeout = 20_000) {
  const words = new RegExp(`^${label}:? ${hosts.toLocaleString('en-US')}\\b`);
  await expect(coverageNumber(page, label)).toHaveAccessibleName(words, { timeout });
}

/** Chooses hosts by name in a target picker. */
export async function chooseHosts(within: Page | Locator, names: string[]): Promise<void> {
  await within.getByText('Single host', { exact: true }).click();
  const field = within
    .getByRole('combobox', { name: 'Hosts' })
    .or(within.getByLabel('Hosts', { exact: true }));
  for (const name of names) {
    await field.first().fill(name);
    const page = 'keyboard' in within ? within : within.page();
    await page.getByRole('option', { name: new RegExp(name) }).click();
  }
  // The list of hosts lies over what is below it.
  await field.first().press('Tab');
}

/** An operator with a page of their own. */
export async function asOperator(page: Page, server: Server, username: string): Promise<void> {
  const first = 'a password for the first day';
  const own = 'a password for every other day';
  await server.ok('POST', '/users', {
    username,
    password: first,
    role: 'operator',
    capabilities: [],
  });
  await page.goto(server.url);
  await page.getByLabel('User name').fill(username);
  await page.getByLabel('Password', { exact: true }).fill(first);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByLabel('Password until now').fill(first);
  await page.getByLabel('New password', { exact: true }).fill(own);
  await page.getByLabel('New password once more').fill(own);
  await page.getByRole('button', { name: 'Change password' }).click();
  await expect(page.getByRole('navigation', { name: 'Pages' })).toBeVisible();
}

/** Waits until the live window of a campaign is closed. */
export async function windowClosed(server: Server, id: string): Promise<void> {
  await until('the end of the live window', async () => !(await campaign(server, id)).live, 90_000);
}

export { signIn };
