// SPDX-License-Identifier: Apache-2.0
// Programs that a test starts and ends itself, by their id.

import { type ChildProcess, spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder with the built programs. */
const PROGRAMS =
  process.env.MIMIR_PROGRAMS ??
  join(
    process.env.CARGO_TARGET_DIR ?? fileURLToPath(new URL('../../../target', import.meta.url)),
    'debug',
  );

/** A program that runs; its output goes to a file. */
export class Program {
  private constructor(
    private readonly child: ChildProcess,
    private readonly gone: Promise<void>,
  ) {}

  /** Starts `name` of the built programs. */
  static start(name: string, args: string[], log: string, env: NodeJS.ProcessEnv = {}): Program {
    const file = openSync(log, 'a');
    const child = spawn(join(PROGRAMS, name), args, {
      stdio: ['pipe', file, file],
      env: { ...process.env, ...env },
    });
    const gone = new Promise<void>((resolve) => {
      child.once('exit', () => resolve());
      child.once('error', () => resolve());
    });
    return new Program(child, gone);
  }

  /** Whether it has ended. */
  get ended(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** Ends it and waits until it is gone. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.ended) return;
    this.child.stdin?.end();
    this.child.kill(signal);
    const insist = setTimeout(() => this.child.kill('SIGKILL'), 10_000);
    await this.gone;
    clearTimeout(insist);
  }
}

/** Asks until the answer is there. */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined | false> | T | undefined | false,
  ms = 30_000,
): Promise<T> {
  const end = Date.now() + ms;
  let last: unknown;
  while (Date.now() < end) {
    try {
      const answer = await ask();
      if (answer) return answer;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${what} did not come about in ${ms} ms${last ? `: ${last}` : ''}`);
}
