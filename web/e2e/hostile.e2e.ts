// SPDX-License-Identifier: Apache-2.0
// What hosts say is shown, and does nothing else.

import { ScriptedHost } from './world/hosts';
import { until } from './world/process';
import { campaign, launch, setFlag } from './world/steps';
import { expect, test } from './world/test';

const NAME = '<img src=x onerror="window.pwned=1">\u202egnp.exe';
const MEGABYTE = `begin ${'x'.repeat(1 << 20)} end`;

test('hostile names and cells are read, never run', async ({ admin, server }) => {
  await setFlag(server, true);
  const host = await ScriptedHost.enrol(server, NAME, '5d1fd2ae-0000-4000-8000-0000000000ff');
  const id = await launch(server, 'SELECT name, path FROM processes', {
    name: '</title><script>',
  });
  await host.answer([
    {
      name: '<script>window.pwned=2</script>',
      path: 'javascript:window.pwned=3//\'"><svg onload=window.pwned=4>',
      note: '=HYPERLINK("http://127.0.0.1/","x")',
      '<b>column</b>': 'a\u0000b\u202ec\u2066d',
    },
    { name: 'long', path: MEGABYTE, note: '-1+1', '<b>column</b>': '{{7*7}}' },
  ]);
  await until('the answer', async () => (await campaign(server, id)).coverage.responded === 1);

  for (const path of ['/hosts', `/campaigns`, `/campaigns/${id}?answers=all`]) {
    await admin.goto(path);
    await expect(admin.getByRole('heading', { level: 1 })).toBeVisible();
    await expect(admin.locator('[aria-busy=true]')).toHaveCount(0);
    const traces = await admin.evaluate(() => ({
      pwned: 'pwned' in window,
      images: [...document.images].filter((image) => image.src.endsWith('/x')).length,
      bold: document.querySelectorAll('main b').length,
      svg: document.querySelectorAll('svg[onload]').length,
    }));
    expect(traces, path).toEqual({ pwned: false, images: 0, bold: 0, svg: 0 });
  }
  // The direction mark is shown by its number, so that the name cannot pretend to be a picture.
  await admin.goto('/hosts');
  await expect(admin.getByText('onerror="window.pwned=1">⟨U+202E⟩gnp.exe').first()).toBeVisible();

  await admin.goto(`/campaigns/${id}`);
  const results = admin.getByRole('grid', { name: 'Results' });
  await expect(results.getByText('<script>window.pwned=2</script>')).toBeVisible();
  await expect(results.getByText('a⟨U+0000⟩b⟨U+202E⟩c⟨U+2066⟩d')).toBeVisible();
  // A megabyte is an excerpt in the grid, and all there in its dialog.
  const cell = results.getByRole('gridcell').filter({ hasText: /^begin x+…/ });
  expect(((await cell.textContent()) ?? '').length).toBeLessThan(1_000);
  await cell.click();
  await admin.keyboard.press('Enter');
  const dialog = admin.getByRole('dialog');
  await expect(dialog).toBeVisible();
  await admin.keyboard.press('Escape');
  await expect(dialog).toBeHidden();

  // Files for spreadsheets run no formula.
  const csv = await server.api('GET', `/campaigns/${id}/export?format=csv`);
  expect(csv.body).toContain("'=HYPERLINK");
  expect(csv.body).not.toMatch(/(^|,)"?=HYPERLINK/m);
});

test('a changing request from another site is refused', async ({ admin, server }) => {
  const reply = await admin.request.patch(`${server.url}/api/v1/settings`, {
    headers: { origin: 'https://evil.example' },
    data: { live_query_row_cap: 1 },
  });
  expect(reply.status()).toBe(403);
  expect((await reply.json()).code).toBe('bad_origin');
  const own = await admin.request.patch(`${server.url}/api/v1/settings`, {
    headers: { origin: server.url },
    data: { live_query_row_cap: 50_000 },
  });
  expect(own.status()).toBe(200);
});

test('no other site may frame the console', async ({ page, server }) => {
  const answer = await page.goto(server.url);
  const headers = answer?.headers() ?? {};
  expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
  expect(headers['content-security-policy']).toContain("script-src 'self';");
  expect(headers['content-security-policy']).not.toMatch(/script-src[^;]*unsafe/);
  expect(headers['x-frame-options']).toBe('DENY');
});
