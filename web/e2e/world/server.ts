// SPDX-License-Identifier: Apache-2.0
// A server of the test's own: a fresh data directory, a free port, the API by its first key.

import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Program, until } from './process';

/** What the server prints for scripts at its first start. */
interface Bootstrap {
  url: string;
  /** File with the certificate that agents trust. */
  ca: string;
  admin_username: string;
  admin_password: string;
  api_key: string;
  enrollment_secret: string;
}

/** An answer of the API. */
export interface Reply {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  body: any;
}

/** The administrator's password after the first sign-in. */
export const PASSWORD = 'correct horse battery staple';

async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      const port = typeof address === 'object' && address ? address.port : 0;
      probe.close(() => resolve(port));
    });
  });
}

/** A running server. */
export class Server {
  private program: Program | undefined;
  /** What the first start printed. */
  boot: Bootstrap = undefined as unknown as Bootstrap;

  private constructor(
    /** Everything of this server and its agents lies here. */
    readonly folder: string,
    private readonly port: number,
  ) {}

  /** Starts one on an empty folder. */
  static async start(): Promise<Server> {
    const server = new Server(mkdtempSync(join(tmpdir(), 'mimir-e2e-')), await freePort());
    await server.up();
    return server;
  }

  /** Where the console is. */
  get url(): string {
    return `https://127.0.0.1:${this.port}`;
  }

  /** Starts it, also again on the data it had. */
  async up(): Promise<void> {
    const bootstrap = join(this.folder, 'bootstrap.json');
    this.program = Program.start(
      'mimir',
      [
        'serve',
        '--data-dir',
        join(this.folder, 'data'),
        '--listen',
        `127.0.0.1:${this.port}`,
        '--print-bootstrap',
        bootstrap,
      ],
      join(this.folder, 'server.log'),
    );
    await until('the server', async () => {
      if (this.program?.ended) {
        throw new Error(readFileSync(join(this.folder, 'server.log'), 'utf8'));
      }
      return (await send('GET', `${this.url}/readyz`)).status === 200;
    });
    this.boot ??= JSON.parse(readFileSync(bootstrap, 'utf8'));
    copyFileSync(this.boot.ca, join(this.folder, 'ca.pem'));
    writeFileSync(join(this.folder, 'secret'), this.boot.enrollment_secret);
  }

  /** Ends it; `SIGKILL` lets it clean up nothing. */
  async down(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    await this.program?.stop(signal);
  }

  /** Ends it and removes what it stored. */
  async remove(): Promise<void> {
    await this.down();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** One operation of the API as the first administrator, or with another key. */
  api(method: string, path: string, body?: unknown, key = this.boot.api_key): Promise<Reply> {
    return send(method, `${this.url}/api/v1${path}`, body, { authorization: `Bearer ${key}` });
  }

  /** The same, and what is not a success fails the test. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  async ok(method: string, path: string, body?: unknown): Promise<any> {
    const reply = await this.api(method, path, body);
    if (reply.status >= 300) {
      throw new Error(`${method} ${path}: ${reply.status} ${JSON.stringify(reply.body)}`);
    }
    return reply.body;
  }

  /** A request of an agent. */
  agent(path: string, body: unknown): Promise<Reply> {
    return send('POST', `${this.url}/api/osquery/${path}`, body);
  }

  /** Makes the first administrator's password {@link PASSWORD}. */
  async settlePassword(): Promise<void> {
    const { admin_username: username, admin_password: password } = this.boot;
    const login = await send('POST', `${this.url}/api/v1/auth/login`, { username, password });
    const cookie = login.cookie?.split(';')[0] ?? '';
    const body = { current: password, new: PASSWORD };
    const changed = await send('POST', `${this.url}/api/v1/auth/password`, body, { cookie });
    if (changed.status !== 204) throw new Error(`password: ${changed.status}`);
  }
}

/** One request without a browser; the certificate is the server's own. */
export function send(
  method: string,
  url: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Reply & { cookie?: string }> {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const options = {
      method,
      rejectUnauthorized: false,
      headers: { ...(text ? { 'content-type': 'application/json' } : {}), ...headers },
    };
    const sent = request(url, options, (answer) => {
      const parts: Buffer[] = [];
      answer.on('data', (part: Buffer) => parts.push(part));
      answer.on('error', reject);
      answer.on('end', () => {
        const raw = Buffer.concat(parts).toString('utf8');
        const json = answer.headers['content-type']?.includes('json');
        resolve({
          status: answer.statusCode ?? 0,
          body: json && raw ? JSON.parse(raw) : raw,
          cookie: answer.headers['set-cookie']?.[0],
        });
      });
    });
    sent.once('error', reject);
    sent.end(text);
  });
}
