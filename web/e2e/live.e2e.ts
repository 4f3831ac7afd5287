// SPDX-License-Identifier: Apache-2.0
// Live queries: rows as they come, what is said of the absent, and the keyboard alone.

import { readFileSync } from 'node:fs';
import { ScriptedHost } from './world/hosts';
import { chooseHosts, editor, expectCoverage, openCampaign, setFlag, typeSql } from './world/steps';
import { expect, test, withAgents } from './world/test';

test('rows stream in, errors apart, and become a campaign', async ({ admin, server }) => {
  await setFlag(server, true);
  const good = await ScriptedHost.enrol(server, 'good-1', '5d1fd2ae-0000-4000-8000-000000000091');
  const bad = await ScriptedHost.enrol(server, 'bad-1', '5d1fd2ae-0000-4000-8000-000000000092');
  await admin.goto('/queries');
  await typeSql(admin, 'SELECT pid, name FROM processes');
  await chooseHosts(admin, ['good-1', 'bad-1']);
  await admin.getByRole('button', { name: 'Run query' }).click();
  const results = admin.getByRole('region', { name: 'Results', exact: true });
  await expect(results.getByText('Running')).toBeVisible();
  await good.answer([
    { pid: '1', name: '=cmd()' },
    { pid: '22', name: 'sshd' },
  ]);
  await expect(results.getByRole('tab', { name: 'Rows (2)' })).toBeVisible();
  await expect(results.getByText('sshd')).toBeVisible();
  await bad.answer({ error: 'no such table: processes' });
  await expect(results.getByText('Complete')).toBeVisible();
  await results.getByRole('tab', { name: 'Errors (1)' }).click();
  await expect(results.getByText('no such table: processes')).toBeVisible();
  await results.getByRole('tab', { name: 'Rows (2)' }).click();

  // The results are part of the address: they are there after another page, and after a reload.
  const address = admin.url();
  expect(new URL(address).searchParams.get('live')).toMatch(/^[0-9a-f-]{36}$/);
  await admin.getByRole('link', { name: 'Hosts', exact: true }).click();
  await admin.goBack();
  await expect(results.getByRole('tab', { name: 'Rows (2)' })).toBeVisible();
  await admin.reload();
  await expect(results.getByRole('tab', { name: 'Rows (2)' })).toBeVisible();

  const download = admin.waitForEvent('download');
  await results.getByRole('button', { name: /Export/ }).click();
  const csv = readFileSync(await (await download).path(), 'utf8');
  expect(csv).toContain("'=cmd()");
  expect(csv.split('\n').filter((line) => line.includes('good-1'))).toHaveLength(2);

  await results.getByRole('button', { name: 'Re-run as campaign' }).click();
  const dialog = admin.getByRole('dialog', { name: 'Launch as campaign' });
  await dialog.getByRole('button', { name: 'Launch as campaign' }).click();
  await openCampaign(admin);
  await good.answer([{ pid: '1', name: 'again' }]);
  await expectCoverage(admin, 'Responded', 1);
});

test('remarks stand where the mistake is, while one types', async ({ admin }) => {
  await admin.goto('/queries');
  await editor(admin).click();
  await admin.keyboard.press('ControlOrMeta+a');
  await admin.keyboard.type('SELECT * FROM proces', { delay: 20 });
  // The schema completes the name.
  await expect(admin.getByRole('option', { name: /^processes/ }).first()).toBeVisible();
  await admin.keyboard.press('Escape');
  await typeSql(admin, 'SELECT * FROM curl');
  await expect(admin.locator('.cm-lintRange').first()).toBeVisible();
  await typeSql(admin, 'SELECT nonsense FROM processes');
  await expect(admin.getByText(/no column/i).first()).toBeVisible();
});

test('the main flow by keyboard alone', async ({ admin, server }) => {
  await setFlag(server, true);
  await withAgents(server, ['keys-1'], async () => {
    const keys = admin.keyboard;
    await keys.press('ControlOrMeta+k');
    await expect(admin.getByPlaceholder('Page, host or campaign')).toBeFocused();
    await keys.type('Queries');
    await expect(admin.getByRole('button', { name: 'Queries' }).first()).toBeVisible();
    await keys.press('Enter');
    await expect(admin.getByRole('heading', { name: 'Queries', level: 1 })).toBeVisible();
    await expect(editor(admin)).toBeVisible();
    const tabTo = async (name: RegExp) => {
      for (let step = 0; step < 60; step += 1) {
        const here = await admin.evaluate(() => {
          const element = document.activeElement;
          const labels = (element as HTMLInputElement | null)?.labels;
          const named = element?.getAttribute('aria-label') ?? labels?.[0]?.textContent;
          return named ?? element?.textContent ?? '';
        });
        if (name.test(here)) return;
        await keys.press('Tab');
      }
      throw new Error(`${name} is not reached by Tab`);
    };
    await tabTo(/^SQL$/);
    await keys.press('ControlOrMeta+a');
    await keys.type('SELECT hostname FROM system_info');
    await keys.press('Escape');
    // Escape, then Tab, leaves the editor instead of indenting.
    await keys.press('Escape');
    await tabTo(/Launch as campaign \(offline-tolerant\)/);
    await keys.press('Space');
    await tabTo(/^Launch as campaign$/);
    await keys.press('Enter');
    await openCampaign(admin);
    await expectCoverage(admin, 'Responded', 1);
    await tabTo(/^Stop Campaign$/);
    await keys.press('Enter');
    const dialog = admin.getByRole('dialog', { name: 'Stop this campaign?' });
    await expect(dialog.getByLabel('Reason')).toBeFocused();
    await keys.press('Escape');
    await expect(dialog).toBeHidden();
    // The focus returns to where it was.
    await expect(admin.getByRole('button', { name: 'Stop Campaign' })).toBeFocused();
    await keys.press('Enter');
    await expect(dialog.getByLabel('Reason')).toBeFocused();
    await keys.type('done');
    await tabTo(/^Stop Campaign$/);
    await keys.press('Enter');
    await expect(dialog).toBeHidden();
    await expect(admin.getByText('Reason: done')).toBeVisible();
  });
});
