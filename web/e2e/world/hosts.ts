// SPDX-License-Identifier: Apache-2.0
// Hosts: real agents, many virtual ones, and scripted ones that answer whatever a test says.

import { join } from 'node:path';
import { Program, until } from './process';
import type { Server } from './server';

/** A real `mimir-agent`; stopping it is how a host goes offline. */
export class Agent {
  private program: Program | undefined;

  constructor(
    private readonly server: Server,
    /** Its host identifier; a real agent shows this machine's hostname. */
    readonly name: string,
  ) {}

  /** Starts it, and waits until the server has enrolled it. */
  async start(): Promise<this> {
    const { folder, url } = this.server;
    this.program = Program.start(
      'mimir-agent',
      [
        'run',
        '--server',
        url,
        '--ca',
        join(folder, 'ca.pem'),
        '--enroll-secret-file',
        join(folder, 'secret'),
        '--state-dir',
        join(folder, `agent-${this.name}`),
        '--host-identifier',
        this.name,
        '--virtual-identity',
        '--poll-interval',
        '1',
      ],
      join(folder, `agent-${this.name}.log`),
    );
    await until(`host ${this.name}`, () => hostByName(this.server, this.name));
    return this;
  }

  /** Ends it: the host is silent from now on. */
  async stop(): Promise<void> {
    await this.program?.stop();
  }
}

/** The host with this name, once it is enrolled. */
export async function hostByName(
  server: Server,
  name: string,
): Promise<{ id: string; hostname: string } | undefined> {
  const page = await server.ok('GET', `/hosts?limit=500&q=${encodeURIComponent(name)}`);
  return page.items.find(
    (host: { hostname: string; host_identifier: string }) =>
      host.hostname === name || host.host_identifier === name,
  );
}

/** Many virtual hosts that answer every query with some rows. */
export class VirtualFleet {
  private constructor(private readonly program: Program) {}

  /** Starts them and waits until all are enrolled. */
  static async start(server: Server, hosts: number, rows: number, pollMs = 1000) {
    const before = (await server.ok('GET', '/dashboard/summary')).total_hosts;
    const program = Program.start(
      join('examples', 'fleet'),
      [
        server.url,
        join(server.folder, 'ca.pem'),
        server.boot.enrollment_secret,
        String(hosts),
        String(rows),
        String(pollMs),
      ],
      join(server.folder, 'fleet.log'),
    );
    await until(
      `${hosts} virtual hosts`,
      async () => (await server.ok('GET', '/dashboard/summary')).total_hosts >= before + hosts,
      120_000,
    );
    return new VirtualFleet(program);
  }

  /** Ends them. */
  async stop(): Promise<void> {
    await this.program.stop();
  }
}

/** Rows of one answer. */
export type Rows = Record<string, string>[];
/** Rows, or what the host says went wrong. */
export type Answer = Rows | { error: string };

/** A host whose every word the test chooses: the enrolment, and the answers. */
export class ScriptedHost {
  private constructor(
    private readonly server: Server,
    private readonly nodeKey: string,
  ) {}

  /** Enrols it under this name. */
  static async enrol(server: Server, hostname: string, uuid: string): Promise<ScriptedHost> {
    const reply = await server.agent('enroll', {
      enroll_secret: server.boot.enrollment_secret,
      host_identifier: uuid,
      platform_type: '9',
      host_details: {
        os_version: { name: 'Debian GNU/Linux', version: '12', platform: 'debian', arch: 'x86_64' },
        osquery_info: { version: '5.23.1', uuid, instance_id: uuid, config_valid: '0' },
        system_info: { hostname, computer_name: hostname, uuid, hardware_serial: uuid },
      },
    });
    if (!reply.body.node_key) throw new Error(`enrolment: ${JSON.stringify(reply.body)}`);
    return new ScriptedHost(server, reply.body.node_key);
  }

  /** The queries it is handed now. */
  async read(): Promise<Record<string, string>> {
    const reply = await this.server.agent('distributed/read', { node_key: this.nodeKey });
    if (reply.body.node_invalid) throw new Error('node_invalid');
    return reply.body.queries ?? {};
  }

  /** Asks until there is work and answers all of it. */
  async answer(answer: Answer): Promise<void> {
    const offered = await until('work', async () => {
      const queries = await this.read();
      return Object.keys(queries).length > 0 && queries;
    });
    await this.write(offered, answer);
  }

  /** Answers what was offered. The server's own question, named `0…`, gets no rows. */
  async write(offered: Record<string, string>, answer: Answer): Promise<void> {
    const queries: Record<string, Rows> = {};
    const statuses: Record<string, number> = {};
    const messages: Record<string, string> = {};
    for (const name of Object.keys(offered)) {
      const own = name.startsWith('0');
      const failed = !own && 'error' in answer;
      queries[name] = own || 'error' in answer ? [] : answer;
      statuses[name] = failed ? 1 : 0;
      messages[name] = failed ? answer.error : '';
    }
    const body = { node_key: this.nodeKey, queries, statuses, messages };
    const reply = await this.server.agent('distributed/write', body);
    if (reply.status !== 200) throw new Error(`answer: ${reply.status}`);
  }
}
