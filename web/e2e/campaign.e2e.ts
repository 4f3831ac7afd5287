// SPDX-License-Identifier: Apache-2.0
// A campaign from the editor to its end, with real agents that come and go.

import { hostByName, ScriptedHost } from './world/hosts';
import { until } from './world/process';
import {
  campaign,
  chooseHosts,
  expectCoverage,
  launch,
  openCampaign,
  setFlag,
  typeSql,
  windowClosed,
} from './world/steps';
import { expect, test, withAgents } from './world/test';

test('an offline host is pending, and its answer comes late', async ({ admin, server }) => {
  test.setTimeout(180_000);
  await setFlag(server, true);
  await withAgents(server, ['here-1', 'away-1'], async ([, away]) => {
    await away?.stop();
    await admin.getByRole('link', { name: 'Queries', exact: true }).click();
    await typeSql(admin, 'SELECT name, version FROM os_version');
    await chooseHosts(admin, ['here-1', 'away-1']);
    await expect(admin.getByText(/^2 hosts targeted/)).toBeVisible();
    await admin.getByLabel('Launch as campaign (offline-tolerant)').check();
    await admin.getByLabel('Live window (minutes)').fill('1');
    await admin.getByRole('button', { name: 'Launch as campaign', exact: true }).click();
    const id = await openCampaign(admin);
    await expect(admin.getByText(/dispatched to 2 hosts/i)).toBeVisible();
    await expectCoverage(admin, 'Responded', 1);
    await expectCoverage(admin, 'Pending', 1);
    const pending = admin.getByRole('region', { name: 'Pending hosts' }).first();
    await expect(pending.getByText('away-1')).toBeVisible();
    await windowClosed(server, id);
    await expect(admin.getByText(/Live window closed/)).toBeVisible();
    await away?.start();
    await expectCoverage(admin, 'Late results', 1, 30_000);
    await expectCoverage(admin, 'Pending', 0);
    const late = admin.getByRole('region', { name: 'Late Responses' }).first();
    await late
      .getByRole('button', { name: /View rows of away-1/ })
      .or(late.getByRole('link', { name: /View rows of away-1/ }))
      .click();
    const drawer = admin.getByRole('dialog');
    await expect(drawer.getByText('Debian', { exact: false }).first()).toBeVisible();
    // The drawer is part of the address, and Escape leaves it.
    expect(new URL(admin.url()).searchParams.get('host')).toMatch(/^[0-9a-f-]{36}$/);
    await admin.keyboard.press('Escape');
    await expect(drawer).toBeHidden();
    expect((await campaign(server, id)).coverage).toMatchObject({
      responded: 2,
      late: 1,
      pending: 0,
    });
  });
});

test('a stop keeps what was answered and says who, when and why', async ({ admin, server }) => {
  await setFlag(server, true);
  await withAgents(server, ['here-2', 'away-2'], async ([, away]) => {
    await away?.stop();
    const hosts = await Promise.all(['here-2', 'away-2'].map((name) => hostByName(server, name)));
    const host_ids = hosts.map((host) => host?.id ?? '');
    const id = await launch(server, 'SELECT * FROM uptime', {
      target: { type: 'hosts', host_ids },
    });
    await admin.goto(`/campaigns/${id}`);
    await expectCoverage(admin, 'Responded', 1);
    await admin.getByRole('button', { name: 'Stop Campaign' }).click();
    const dialog = admin.getByRole('dialog', { name: 'Stop this campaign?' });
    await dialog.getByLabel('Reason').fill('x'.repeat(1_001));
    await expect(dialog.getByText(/1,001 of 1,000/)).toBeVisible();
    await expect(dialog.getByRole('button', { name: 'Stop Campaign' })).toBeDisabled();
    await dialog.getByLabel('Reason').fill('Enough is known');
    await dialog.getByRole('button', { name: 'Stop Campaign' }).click();
    await expect(dialog).toBeHidden();
    await expect(admin.getByText('Enough is known')).toBeVisible();
    await expect(admin.getByText(/stopped/i).first()).toBeVisible();
    await expect(admin.getByRole('button', { name: 'Stop Campaign' })).toHaveCount(0);
    const stopped = await campaign(server, id);
    expect(stopped).toMatchObject({ status: 'stopped', discard_in_flight: false });
    expect(stopped.coverage).toMatchObject({ responded: 1, cancelled: 1 });
    // Who comes back now is not asked any more.
    const { last_seen_at: before } = await server.ok('GET', `/hosts/${host_ids[1]}`);
    await away?.start();
    await until('a poll of the host that is back', async () => {
      return (await server.ok('GET', `/hosts/${host_ids[1]}`)).last_seen_at > before;
    });
    expect((await campaign(server, id)).coverage).toMatchObject({ responded: 1, cancelled: 1 });
  });
});

test('a stop with discard lets no answer in', async ({ admin, server }) => {
  await setFlag(server, true);
  const slow = await ScriptedHost.enrol(server, 'slow-3', '5d1fd2ae-0000-4000-8000-000000000003');
  const hosts = await server.ok('GET', '/hosts?q=slow-3');
  const target = { type: 'hosts' as const, host_ids: [hosts.items[0].id] };
  const id = await launch(server, 'SELECT 1 AS one', { target });
  // The host takes the query, and is still busy when the campaign is stopped.
  const offered = await until('an offer', async () => {
    const queries = await slow.read();
    return Object.keys(queries).length > 0 && queries;
  });
  await admin.goto(`/campaigns/${id}`);
  await admin.getByRole('button', { name: 'Stop Campaign' }).click();
  const dialog = admin.getByRole('dialog', { name: 'Stop this campaign?' });
  await dialog.getByLabel('Discard in-flight results').check();
  await dialog.getByRole('button', { name: 'Stop Campaign' }).click();
  await expect(dialog).toBeHidden();
  await slow.write(offered, [{ one: '1' }]);
  await until('the answer', async () => (await campaign(server, id)).coverage.rejected === 1);
  expect((await campaign(server, id)).coverage).toMatchObject({ responded: 0, rows_stored: 0 });
  await expect(admin.getByRole('list', { name: 'States of the ledger' })).toContainText(
    '1 rejected',
  );
});

test('a campaign starts from a saved query, never with an OS filter', async ({ admin, server }) => {
  await setFlag(server, true);
  await server.ok('POST', '/saved-queries', {
    name: 'Who can sign in',
    description: 'Accounts',
    sql: 'SELECT username FROM users',
    target: { type: 'os_in', platforms: ['linux'] },
  });
  await withAgents(server, ['here-4'], async () => {
    await admin.goto('/queries');
    await admin.getByRole('button', { name: /Actions.*Who can sign in/ }).click();
    await admin.getByRole('menuitem', { name: 'Launch as campaign' }).click();
    const dialog = admin.getByRole('dialog', { name: 'Launch as campaign' });
    await expect(dialog.getByText('SELECT username FROM users')).toBeVisible();
    await dialog.getByLabel('Use saved query’s target').check();
    await expect(
      dialog.getByText(
        'Campaigns don’t yet support OS-filtered targets — pick Fleet or specific hosts instead.',
      ),
    ).toBeVisible();
    await dialog.getByLabel('Use saved query’s target').uncheck();
    await chooseHosts(dialog, ['here-4']);
    await dialog.getByRole('button', { name: 'Launch as campaign' }).click();
    await openCampaign(admin);
    await expectCoverage(admin, 'Responded', 1);
    const frozen = admin.getByRole('region', { name: 'Frozen SQL' }).first();
    await expect(frozen.getByText('SELECT username FROM users')).toBeVisible();
    await frozen
      .getByRole('button', { name: 'Open in editor' })
      .or(frozen.getByRole('link', { name: 'Open in editor' }))
      .click();
    await expect(admin.getByRole('textbox', { name: 'SQL', exact: true })).toContainText(
      'SELECT username FROM users',
    );
  });
});

test('campaigns are switched off and on again', async ({ admin, server }) => {
  await setFlag(server, true);
  await admin.goto('/campaigns');
  await admin.getByRole('button', { name: 'Disable Campaigns', exact: true }).click();
  await admin.getByRole('dialog').getByRole('button', { name: 'Disable campaigns' }).click();
  await expect(admin.getByRole('button', { name: 'Enable Campaigns', exact: true })).toBeVisible();
  expect((await server.ok('GET', '/settings')).offline_campaigns_enabled).toBe(false);
  await admin.getByRole('link', { name: 'Queries', exact: true }).click();
  const tick = admin.getByLabel('Launch as campaign (offline-tolerant)');
  await expect(tick).toBeDisabled();
  await tick.hover({ force: true });
  await expect(
    admin.getByText('Enable Campaigns on the Campaigns page to make queries offline-tolerant.'),
  ).toBeVisible();
  await admin.getByRole('link', { name: 'Campaigns', exact: true }).click();
  await admin.getByRole('button', { name: 'Enable Campaigns', exact: true }).click();
  await admin.getByRole('dialog').getByRole('button', { name: 'Enable campaigns' }).click();
  await expect(admin.getByRole('button', { name: 'Disable Campaigns', exact: true })).toBeVisible();
  await admin.getByRole('link', { name: 'Queries', exact: true }).click();
  await expect(tick).toBeEnabled();
});
