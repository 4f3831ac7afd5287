// SPDX-License-Identifier: Apache-2.0
import { afterEach, expect, it, vi } from 'vitest';
import { type Format, RowCounter, run, type Sink } from './export';

const bytes = (text: string) => new TextEncoder().encode(text);

function counted(format: Format, text: string, size: number): number | undefined {
  const counter = new RowCounter(format);
  const all = bytes(text);
  for (let at = 0; at < all.length; at += size) counter.push(all.subarray(at, at + size));
  return counter.rows;
}

it('counts rows, however they are cut', () => {
  const csv = 'host,name\r\na,"two\nlines, and ""quotes"""\r\nb,one\r\n';
  for (const size of [1, 2, 3, 1000]) {
    expect(counted('csv', csv, size)).toBe(2);
    expect(counted('ndjson', '{"a":"\\""}\n{"a":"x"}\n', size)).toBe(2);
    expect(counted('parquet', csv, size)).toBeUndefined();
  }
  expect(counted('csv', '', 1)).toBe(0);
});

function sink(): Sink & { written: string; ended: string } {
  const state = {
    written: '',
    ended: '',
    write: (chunk: Uint8Array) => {
      state.written += new TextDecoder().decode(chunk);
    },
    close: () => {
      state.ended = 'closed';
    },
    abort: () => {
      state.ended = 'aborted';
    },
  };
  return state;
}

function answer(pull: (controller: ReadableStreamDefaultController) => void): void {
  vi.stubGlobal('fetch', async () => new Response(new ReadableStream({ pull })));
}

afterEach(() => void vi.unstubAllGlobals());

const options = (to: Sink, signal = new AbortController().signal) =>
  ({ id: 'c', format: 'ndjson', sink: to, onProgress: () => undefined, signal }) as const;

it('writes everything and closes', async () => {
  let left = 2;
  answer((controller) => {
    if (left === 0) controller.close();
    else controller.enqueue(bytes('{}\n'));
    left -= 1;
  });
  const to = sink();
  await expect(run(options(to))).resolves.toEqual({ bytes: 6, rows: 2 });
  expect(to).toMatchObject({ written: '{}\n{}\n', ended: 'closed' });
});

it('throws away what broke off, and says so', async () => {
  let left = 1;
  answer((controller) => {
    if (left === 0) controller.error(new TypeError('network'));
    else controller.enqueue(bytes('{}\n'));
    left -= 1;
  });
  const to = sink();
  await expect(run(options(to))).rejects.toThrow(/broke off/);
  expect(to.ended).toBe('aborted');
});

it('hands on why the server refused', async () => {
  const body = { code: 'rate_limited', detail: 'Too many exports at once.' };
  vi.stubGlobal('fetch', async () => Response.json(body, { status: 429 }));
  const to = sink();
  await expect(run(options(to))).rejects.toMatchObject({ code: 'rate_limited', status: 429 });
  expect(to.ended).toBe('aborted');
});
