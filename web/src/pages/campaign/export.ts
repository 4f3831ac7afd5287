// SPDX-License-Identifier: Apache-2.0
// Exporting rows with progress: the server's stream goes into a file that the reader chose, or is
// collected as far as memory allows.

import { API } from '@/api/client';
import { ApiProblem, toProblem, unreachable } from '@/api/problem';

/** The formats, with what a file of each is. */
export const FORMATS = {
  csv: { label: 'CSV', mime: 'text/csv' },
  ndjson: { label: 'NDJSON', mime: 'application/x-ndjson' },
  parquet: { label: 'Parquet', mime: 'application/vnd.apache.parquet' },
} as const;

/** One of them. */
export type Format = keyof typeof FORMATS;

/** Most bytes that are collected in memory; more is left to the browser's own download. */
export const COLLECT_BYTES_MAX = 256 * 1024 * 1024;

/** How far an export is. */
export interface Progress {
  bytes: number;
  /** Rows so far; unknown for a format that cannot be counted. */
  rows: number | undefined;
}

/** Where an export goes. */
export interface Sink {
  write(chunk: Uint8Array<ArrayBuffer>): Promise<void> | void;
  close(): Promise<void> | void;
  abort(): Promise<void> | void;
}

/** The export is larger than what is collected in memory. */
export class TooLarge extends Error {}

/** The address of an export; also good for a plain download. */
export function exportUrl(id: string, format: Format): string {
  return `${API}/campaigns/${encodeURIComponent(id)}/export?format=${format}`;
}

const NEWLINE = 10;
const QUOTE = 34;

/** Counts rows in a stream of bytes, however it is cut. */
export class RowCounter {
  private lines = 0;
  private quoted = false;

  constructor(private readonly format: Format) {}

  /** Takes the next bytes. */
  push(chunk: Uint8Array): void {
    if (this.format === 'parquet') return;
    const quotes = this.format === 'csv';
    for (const byte of chunk) {
      // A doubled quote switches twice, which is as if it were not there.
      if (byte === QUOTE && quotes) this.quoted = !this.quoted;
      else if (byte === NEWLINE && !this.quoted) this.lines += 1;
    }
  }

  /** Rows so far; the heading of a CSV file is none. */
  get rows(): number | undefined {
    if (this.format === 'parquet') return undefined;
    return this.format === 'csv' ? Math.max(0, this.lines - 1) : this.lines;
  }
}

/** Collects an export in memory and hands it over as a download. */
export function collector(name: string, format: Format): Sink {
  let parts: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  return {
    write(chunk) {
      bytes += chunk.byteLength;
      if (bytes > COLLECT_BYTES_MAX) throw new TooLarge();
      parts.push(chunk);
    },
    close() {
      const url = URL.createObjectURL(new Blob(parts, { type: FORMATS[format].mime }));
      const link = document.createElement('a');
      link.href = url;
      link.download = name;
      link.click();
      // The browser reads the data after the click; a minute is more than it needs.
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
    },
    abort() {
      parts = [];
    },
  };
}

/** What the part of the File System Access API that is used here looks like. */
interface SavePicker {
  showSaveFilePicker?: (options: { suggestedName: string }) => Promise<{
    createWritable(): Promise<Sink>;
  }>;
}

/** Whether the browser can write into a file that the reader chooses. */
export function canPick(): boolean {
  return 'showSaveFilePicker' in window;
}

/** Asks where to; `undefined` when the reader does not want to. */
export async function pick(name: string): Promise<Sink | undefined> {
  try {
    const file = await (window as SavePicker).showSaveFilePicker?.({ suggestedName: name });
    return await file?.createWritable();
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') return undefined;
    throw error;
  }
}

async function open(url: string, signal: AbortSignal): Promise<Response> {
  const response = await fetch(url, { signal, cache: 'no-store' }).catch((error: unknown) => {
    if (signal.aborted) throw error;
    throw unreachable();
  });
  if (response.ok && response.body) return response;
  throw toProblem(await response.json().catch(() => undefined), response.status);
}

/** Exports; a file that is not whole is thrown away. */
export async function run(options: {
  id: string;
  format: Format;
  sink: Sink;
  onProgress: (progress: Progress) => void;
  signal: AbortSignal;
}): Promise<Progress> {
  const { id, format, sink, onProgress, signal } = options;
  const counter = new RowCounter(format);
  let bytes = 0;
  try {
    const response = await open(exportUrl(id, format), signal);
    const reader = (response.body as ReadableStream<Uint8Array<ArrayBuffer>>).getReader();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        bytes += value.byteLength;
        counter.push(value);
        await sink.write(value);
        onProgress({ bytes, rows: counter.rows });
      }
    } catch (error) {
      await reader.cancel().catch(() => undefined);
      throw error;
    }
    await sink.close();
    return { bytes, rows: counter.rows };
  } catch (error) {
    await Promise.resolve(sink.abort()).catch(() => undefined);
    const known = signal.aborted || error instanceof ApiProblem || error instanceof TooLarge;
    if (known) throw error;
    throw new ApiProblem(
      'internal',
      0,
      'The export broke off before its end, and the incomplete file was thrown away. Try again.',
    );
  }
}
