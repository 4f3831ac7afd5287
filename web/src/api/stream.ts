// SPDX-License-Identifier: Apache-2.0
// Keeps a stream of events open: reconnects by itself where it left off, and hands events over at
// most once a frame, so that ten thousand answers a second cost one render.

import { setReachable, setStream } from './connection';
import { ApiProblem, toProblem } from './problem';
import { EventParser, type StreamEvent } from './sse';

/** Waits between attempts, in milliseconds; the last one repeats. */
const BACKOFF_MS = [250, 500, 1000, 2000, 5000];
/** Silence after which a stream counts as dead; the server sends a comment every 15 s. */
const SILENCE_MS = 40_000;
/** A page in the background draws no frames; its events are handed over this often. */
const HIDDEN_MS = 1000;

/** What a reader of a stream gives. */
export interface StreamOptions {
  /** Address of the stream. */
  url: string;
  /** Events since the last call, in order. */
  onEvents: (events: StreamEvent[]) => void;
  /** The server refused the stream for good (signed out, gone). */
  onRefused?: (problem: ApiProblem) => void;
  /** Whether the stream ends by itself after an event: a closed stream is then not reopened. */
  isLast?: (event: StreamEvent) => boolean;
  /** Ends it. */
  signal: AbortSignal;
  /** Where to go on from, if an earlier stream ended. */
  lastEventId?: string;
}

/** Opens a stream and keeps it open until `signal` or until the server refuses. */
export async function stream(options: StreamOptions): Promise<void> {
  const key = Symbol(options.url);
  const batch = new Batch(options.onEvents);
  let id = options.lastEventId ?? '';
  let attempt = 0;
  let ended = false;
  try {
    while (!options.signal.aborted && !ended) {
      try {
        await readOnce(options, id, (events) => {
          attempt = 0;
          setStream(key, true);
          id = events.at(-1)?.id ?? id;
          ended ||= events.some((event) => options.isLast?.(event));
          batch.add(events);
        });
      } catch (error) {
        if (options.signal.aborted) return;
        if (error instanceof ApiProblem && error.status >= 400 && error.status < 500) {
          if (error.code !== 'rate_limited') {
            options.onRefused?.(error);
            return;
          }
        }
      }
      if (options.signal.aborted || ended) return;
      setStream(key, false);
      await pause(BACKOFF_MS[Math.min(attempt, BACKOFF_MS.length - 1)] ?? 1000, options.signal);
      attempt += 1;
    }
  } finally {
    setStream(key, true);
    batch.flush();
  }
}

async function readOnce(
  { url, signal }: StreamOptions,
  lastEventId: string,
  onEvents: (events: StreamEvent[]) => void,
): Promise<void> {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), SILENCE_MS);
  const headers: Record<string, string> = { Accept: 'text/event-stream' };
  if (lastEventId) headers['Last-Event-ID'] = lastEventId;
  try {
    const both = AbortSignal.any([signal, silence.signal]);
    const response = await fetch(url, { headers, signal: both, cache: 'no-store' });
    setReachable(true);
    if (!response.ok || !response.body) {
      throw toProblem(await response.json().catch(() => undefined), response.status);
    }
    onEvents([]);
    const parser = new EventParser();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE_MS);
      const events = parser.push(value);
      if (events.length > 0) onEvents(events);
    }
  } finally {
    clearTimeout(timer);
  }
}

/** A pause that ends early when the reader goes; jitter keeps many consoles from returning at once. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms * (0.75 + Math.random() / 2));
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** Collects events until the next frame. */
class Batch {
  private events: StreamEvent[] = [];
  private waiting = false;

  constructor(private readonly deliver: (events: StreamEvent[]) => void) {}

  add(events: StreamEvent[]): void {
    if (events.length === 0) return;
    for (const event of events) this.events.push(event);
    if (this.waiting) return;
    this.waiting = true;
    if (document.hidden) setTimeout(() => this.flush(), HIDDEN_MS);
    else requestAnimationFrame(() => this.flush());
  }

  flush(): void {
    this.waiting = false;
    const events = this.events;
    this.events = [];
    if (events.length > 0) this.deliver(events);
  }
}
