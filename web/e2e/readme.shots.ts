// SPDX-License-Identifier: Apache-2.0
// The pictures of the README, made from the fleet of `mimir demo`. They go into `docs/images`, which
// is checked in: each stays below 200 KiB.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@playwright/test';
import { Program, until } from './world/process';
import { PASSWORD } from './world/server';
import { typeSql } from './world/steps';

const FOLDER = fileURLToPath(new URL('../../docs/images/', import.meta.url));
const BYTES_MAX = 200 * 1024;
const SQL = 'SELECT name, version, major FROM os_version';

test('pictures of the demonstration', async ({ page }) => {
  mkdirSync(FOLDER, { recursive: true });
  const folder = mkdtempSync(join(tmpdir(), 'mimir-demo-'));
  const log = join(folder, 'log');
  const demo = Program.start('mimir', ['demo', '--data-dir', join(folder, 'data')], log);
  try {
    const told = await until(
      'the end of the story',
      () => readFileSync(log, 'utf8').includes('Serving until Ctrl-C') && readFileSync(log, 'utf8'),
      240_000,
    );
    const url = /Console +(\S+)/.exec(told)?.[1] ?? '';
    const [, username = '', password = ''] = /Sign in as +(\w+), .*password (\S+)/.exec(told) ?? [];
    await page.setViewportSize({ width: 1280, height: 860 });
    await page.goto(url);
    await page.getByLabel('User name').fill(username);
    await page.getByLabel('Password', { exact: true }).fill(password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByLabel('Password until now').fill(password);
    await page.getByLabel('New password', { exact: true }).fill(PASSWORD);
    await page.getByLabel('New password once more').fill(PASSWORD);
    await page.getByRole('button', { name: 'Change password' }).click();
    await page.getByRole('link', { name: 'Campaigns', exact: true }).click();
    await page.getByRole('table').getByRole('link').first().click();
    await expect(page.getByRole('region', { name: 'Results' })).toBeVisible();
    await expect(page.locator('.uplot')).toBeVisible();
    await shoot(page, 'campaign');
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.goto(`${url}/queries`);
    await typeSql(page, SQL);
    await page.getByRole('button', { name: 'Run query' }).click();
    await expect(page.getByText('Complete')).toBeVisible();
    await page.setViewportSize({ width: 1280, height: 1_200 });
    await page.evaluate(() => window.scrollTo(0, 0));
    await shoot(page, 'queries');
  } finally {
    await demo.stop('SIGINT');
    rmSync(folder, { recursive: true, force: true });
  }
});

async function shoot(page: import('@playwright/test').Page, name: string): Promise<void> {
  const path = `${FOLDER}${name}.png`;
  await page.screenshot({ path });
  expect(statSync(path).size).toBeLessThanOrEqual(BYTES_MAX);
}
