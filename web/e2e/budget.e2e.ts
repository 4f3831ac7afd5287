// SPDX-License-Identifier: Apache-2.0
// What a first visit loads, as gzip would send it.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { PASSWORD } from './world/server';
import { expect, signIn, test } from './world/test';

/** Of `design/stack.md`. */
const FIRST_LOAD_BYTES_MAX = 250 * 1024;
const DIST = fileURLToPath(new URL('../dist', import.meta.url));

test('the first load is at most 250 KiB', async ({ page, server }) => {
  const loaded = new Map<string, number>();
  page.on('response', (response) => {
    const { pathname } = new URL(response.url());
    if (pathname.startsWith('/api/') || response.status() !== 200) return;
    const file = pathname === '/' ? '/index.html' : pathname;
    loaded.set(file, gzipSync(readFileSync(DIST + file), { level: 9 }).length);
  });
  await signIn(page, server, server.boot.admin_username, PASSWORD);
  await expect(page.getByRole('heading', { name: 'Dashboard', level: 1 })).toBeVisible();
  await page.waitForLoadState('networkidle');
  const sizes = [...loaded].sort(([, a], [, b]) => b - a);
  const total = sizes.reduce((sum, [, size]) => sum + size, 0);
  test.info().annotations.push({ type: 'first load', description: `${total} bytes` });
  expect(total, sizes.map(([file, size]) => `${file} ${size}`).join('\n')).toBeLessThanOrEqual(
    FIRST_LOAD_BYTES_MAX,
  );
  // The measure would be worth nothing if it missed the files.
  expect(total).toBeGreaterThan(50 * 1024);
  expect(sizes.some(([file]) => file.endsWith('.css'))).toBe(true);
});

test('later visits load nothing again', async ({ admin, server }) => {
  const fetched: string[] = [];
  admin.on('response', (response) => {
    const { pathname } = new URL(response.url());
    if (pathname.startsWith('/assets/') && !response.fromServiceWorker()) {
      fetched.push(pathname);
    }
  });
  const headers = (await admin.request.get(`${server.url}/`)).headers();
  expect(headers['cache-control']).toBe('no-cache');
  await admin.reload();
  await expect(admin.getByRole('heading', { level: 1 })).toBeVisible();
  for (const file of new Set(fetched)) {
    const answer = await admin.request.get(server.url + file);
    expect(answer.headers()['cache-control'], file).toContain('immutable');
  }
});
