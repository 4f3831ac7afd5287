// SPDX-License-Identifier: Apache-2.0
// axe finds nothing serious on any page, light or dark.

import { expectAccessible } from './world/axe';
import { addressesOf } from './world/pages';
import { play } from './world/scene';
import { expect, test } from './world/test';

test('every page can be read by everybody', async ({ admin, server, page }) => {
  test.setTimeout(300_000);
  await page.goto(server.url);
  await expect(page.getByRole('button', { name: 'Sign in' })).toBeVisible();
  await expectAccessible(page, 'sign-in');
  const scene = await play(server);
  try {
    for (const [name, address] of addressesOf(scene)) {
      await admin.goto(address);
      await expect(admin.getByRole('heading', { level: 1 })).toBeVisible();
      await expect(admin.locator('[aria-busy=true]')).toHaveCount(0);
      await expectAccessible(admin, name);
      const sideways = await admin.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      expect(sideways, `${name} does not scroll sideways`).toBeLessThanOrEqual(0);
    }
  } finally {
    await scene.end();
  }
});
