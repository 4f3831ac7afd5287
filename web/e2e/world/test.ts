// SPDX-License-Identifier: Apache-2.0
// What every end-to-end test starts from: a server for the file's tests, and a signed-in page whose
// defects fail the test.

import { test as base, expect, type Page } from '@playwright/test';
import { Agent } from './hosts';
import { PASSWORD, Server } from './server';

/** What tests of one file share. */
interface FileFixtures {
  server: Server;
}

/** What each test gets. */
interface TestFixtures {
  /** A page of the signed-in administrator. */
  admin: Page;
}

/** Messages of the browser that no test may cause, a policy's refusals among them. */
function watch(page: Page): string[] {
  const defects: string[] = [];
  page.on('pageerror', (error) => defects.push(`uncaught: ${error.message}`));
  page.on('console', (message) => {
    const text = message.text();
    // The browser itself reports each refused or failed request; tests look at those in the page.
    if (message.type() === 'error' && !text.startsWith('Failed to load resource')) {
      defects.push(text);
    }
  });
  return defects;
}

/** Signs in on this page. */
export async function signIn(page: Page, server: Server, username: string, password: string) {
  await page.goto(server.url);
  await page.getByLabel('User name').fill(username);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByRole('navigation', { name: 'Pages' })).toBeVisible();
}

/** `test` with the fixtures above. */
export const test = base.extend<TestFixtures, FileFixtures>({
  server: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the names of the fixtures
    async ({}, use) => {
      const server = await Server.start();
      await server.settlePassword();
      await use(server);
      await server.remove();
    },
    { scope: 'worker' },
  ],
  admin: async ({ browser, server }, use) => {
    const context = await browser.newContext({ ignoreHTTPSErrors: true, baseURL: server.url });
    const page = await context.newPage();
    const defects = watch(page);
    await signIn(page, server, server.boot.admin_username, PASSWORD);
    await use(page);
    await context.close();
    expect(defects, 'nothing broke in the browser').toEqual([]);
  },
});

/** Starts agents for the duration of one test. */
export async function withAgents(
  server: Server,
  names: string[],
  then: (agents: Agent[]) => Promise<void>,
): Promise<void> {
  const agents = names.map((name) => new Agent(server, name));
  try {
    await Promise.all(agents.map((agent) => agent.start()));
    await then(agents);
  } finally {
    await Promise.all(agents.map((agent) => agent.stop()));
  }
}

export { expect };
