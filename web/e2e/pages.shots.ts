// SPDX-License-Identifier: Apache-2.0
// Every page, light and dark, wide and narrow.

import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { addressesOf } from './world/pages';
import { play } from './world/scene';
import { test } from './world/test';

const FOLDER = fileURLToPath(new URL('../screenshots/', import.meta.url));
const SIZES = { wide: { width: 1440, height: 900 }, narrow: { width: 390, height: 844 } };

test('screenshots of every page', async ({ admin, server }) => {
  mkdirSync(FOLDER, { recursive: true });
  const scene = await play(server);
  try {
    for (const [name, address] of addressesOf(scene)) {
      for (const colorScheme of ['light', 'dark'] as const) {
        for (const [size, viewport] of Object.entries(SIZES)) {
          await admin.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
          await admin.setViewportSize(viewport);
          await admin.goto(address);
          await admin.getByRole('heading', { level: 1 }).waitFor();
          await admin.waitForLoadState('networkidle', { timeout: 3_000 }).catch(() => undefined);
          const path = `${FOLDER}${name}-${size}-${colorScheme}.png`;
          await admin.screenshot({ path, fullPage: true });
        }
      }
    }
  } finally {
    await scene.end();
  }
});
