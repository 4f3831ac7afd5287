// SPDX-License-Identifier: Apache-2.0
// A server with a bit of everything on it: for screenshots, and for looking at every page with axe.

import type { Coverage } from '../../src/api/schema';
import { Agent, hostByName, ScriptedHost, VirtualFleet } from './hosts';
import { until } from './process';
import type { Server } from './server';

/** What the pages of the scene are about. */
export interface Scene {
  /** A running campaign: answered, late, pending, errors. */
  running: string;
  /** A campaign that an operator stopped. */
  stopped: string;
  /** A campaign that stopped itself at its row cap. */
  capped: string;
  /** A host that took part. */
  host: string;
  /** Ends what runs. */
  end: () => Promise<void>;
}

const PROCESSES = `SELECT p.pid, p.name, p.path, u.username
FROM processes AS p
JOIN users AS u ON u.uid = p.uid
WHERE p.on_disk = 0;`;

async function launch(server: Server, name: string, sql: string, minutes: number, target: unknown) {
  const body = { name, sql, live_window_minutes: minutes, target };
  return (await server.ok('POST', '/campaigns', body)).campaign.id as string;
}

async function coverage(server: Server, id: string): Promise<Coverage> {
  return (await server.ok('GET', `/campaigns/${id}`)).coverage;
}

/** Plays the scene; takes a little more than a minute, the shortest live window. */
export async function play(server: Server): Promise<Scene> {
  const laptop = await new Agent(server, 'laptop-anna').start();
  const build = await new Agent(server, 'build-01').start();
  const old = await ScriptedHost.enrol(server, 'legacy-db', '5d1fd2ae-0000-4000-8000-000000000001');
  // Two hosts enrol and are never heard of again, so that something stays pending.
  await ScriptedHost.enrol(server, 'branch-paris', '5d1fd2ae-0000-4000-8000-000000000002');
  await ScriptedHost.enrol(server, 'warehouse-7', '5d1fd2ae-0000-4000-8000-000000000003');
  const fleet = await VirtualFleet.start(server, 40, 12);
  await server.ok('PATCH', '/settings', { offline_campaigns_enabled: true });
  await laptop.stop();
  const all = { type: 'all' };
  const running = await launch(server, 'Processes without a file', PROCESSES, 1, all);
  await old.answer({ error: 'no such column: p.on_disk' });
  await more(server);
  const stopped = await launch(server, 'Listening ports', 'SELECT * FROM listening_ports', 10, all);
  await until('answers', async () => (await coverage(server, stopped)).responded >= 30);
  const reason = 'Asked too broadly; the question comes again for the web servers alone.';
  await server.ok('POST', `/campaigns/${stopped}/stop`, { reason });
  await server.ok('PATCH', '/settings', { campaign_aggregate_row_cap: 100 });
  const capped = await launch(server, 'Every open file', 'SELECT * FROM processes', 10, all);
  await until('the cap', async () => {
    return (await server.ok('GET', `/campaigns/${capped}`)).status === 'stopped';
  });
  await server.ok('PATCH', '/settings', { campaign_aggregate_row_cap: 10_000_000 });
  await until(
    'the end of the window',
    async () => {
      return !(await server.ok('GET', `/campaigns/${running}`)).live;
    },
    90_000,
  );
  await laptop.start();
  await until('the late answer', async () => (await coverage(server, running)).late > 0);
  const host = (await hostByName(server, 'build-01'))?.id ?? '';
  const end = async () => {
    await Promise.all([laptop.stop(), build.stop(), fleet.stop()]);
  };
  return { running, stopped, capped, host, end };
}

/** What fills the other pages. */
async function more(server: Server): Promise<void> {
  const saved = (name: string, description: string, sql: string, target: unknown) =>
    server.ok('POST', '/saved-queries', { name, description, sql, target });
  const linux = { type: 'os_in', platforms: ['linux'] };
  await saved('Processes without a file', 'Running, but deleted from disk', PROCESSES, {
    type: 'all',
  });
  await saved(
    'Who can sign in',
    'Accounts with a shell',
    "SELECT * FROM users WHERE shell NOT LIKE '%nologin'",
    linux,
  );
  await server.ok('POST', '/users', {
    username: 'olga',
    password: 'a password for the first day',
    role: 'operator',
    capabilities: ['can_launch_fleet_hunts'],
  });
  await server.ok('POST', '/api-keys', { name: 'nightly report' });
  await server.ok('POST', '/enrollment-secrets', { name: 'laptops', max_uses: 500 });
}
