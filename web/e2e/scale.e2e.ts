// SPDX-License-Identifier: Apache-2.0
// Many hosts and many rows: the page stays usable while they come.

import { VirtualFleet } from './world/hosts';
import { until } from './world/process';
import { campaign, expectCoverage, launch, setFlag } from './world/steps';
import { expect, test } from './world/test';

const HOSTS = 10_000;

test('the page stays usable while ten thousand hosts answer', async ({ admin, server }) => {
  test.setTimeout(300_000);
  await setFlag(server, true);
  const fleet = await VirtualFleet.start(server, HOSTS, 10, 4_000);
  try {
    const id = await launch(server, 'SELECT pid, name FROM processes');
    await admin.goto(`/campaigns/${id}`);
    await expect(admin.getByRole('region', { name: 'Coverage', exact: true })).toBeVisible();
    await admin.evaluate(() => {
      const seen: number[] = [];
      Object.assign(window, { longTasks: seen });
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) seen.push(entry.duration);
      }).observe({ type: 'longtask', buffered: false });
    });
    // A reader scrolls and types meanwhile.
    const search = admin.getByLabel('Search pending hosts');
    for (let step = 0; step < 8; step += 1) {
      await admin.mouse.wheel(0, 300);
      await search.fill(`srv-${step}`);
      await expect(search).toHaveValue(`srv-${step}`, { timeout: 5_000 });
    }
    await search.fill('');
    await until(
      'all answers',
      async () => (await campaign(server, id)).coverage.responded === HOSTS,
      180_000,
    );
    await expectCoverage(admin, 'Responded', HOSTS);
    // Silent hosts of other tests are targeted, too.
    const { targeted } = (await campaign(server, id)).coverage;
    await expectCoverage(admin, 'Pending', targeted - HOSTS);
    const tasks = await admin.evaluate(() => Reflect.get(window, 'longTasks') as number[]);
    // Told, not judged: machines differ. That the page answers is shown by the typing above.
    const longest = `${tasks.length} long tasks, the longest of ${Math.max(0, ...tasks)} ms`;
    test.info().annotations.push({ type: 'main thread', description: longest });

    await scroll100_000(admin, id);
  } finally {
    await fleet.stop();
  }
});

/** 10,000 hosts with ten rows each: from the first to the last, in order, and sorted. */
async function scroll100_000(admin: import('@playwright/test').Page, id: string): Promise<void> {
  await admin.goto(`/campaigns/${id}`);
  const grid = admin.getByRole('grid', { name: 'Results' });
  await expect(grid.getByRole('gridcell').filter({ hasText: 'worker-1' }).first()).toBeVisible();
  await expect(grid).toHaveAttribute('aria-rowcount', /^10000[0-9]$/);
  await grid.getByRole('gridcell').filter({ hasText: 'worker-' }).first().click();
  await admin.keyboard.press('ControlOrMeta+End');
  await expect(
    grid.locator('[aria-rowindex="100001"], [aria-rowindex="100002"]').first(),
  ).toBeVisible({
    timeout: 60_000,
  });
  const elements = await grid.evaluate((element) => element.querySelectorAll('*').length);
  expect(elements, 'only what is seen is in the page').toBeLessThan(3_000);
}
