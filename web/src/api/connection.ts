// SPDX-License-Identifier: Apache-2.0
// Whether what is on the screen is fresh: requests reach the server and streams are open.

import { useSyncExternalStore } from 'react';

/** `live`: all is well; `reconnecting`: a stream is being opened again; `offline`: no answer. */
export type Connection = 'live' | 'reconnecting' | 'offline';

let reachable = true;
const broken = new Set<symbol>();
const listeners = new Set<() => void>();

function tell(): void {
  for (const listener of listeners) listener();
}

/** Notes whether the last request reached the server. */
export function setReachable(value: boolean): void {
  if (reachable === value) return;
  reachable = value;
  tell();
}

/** Notes whether one stream is open. */
export function setStream(stream: symbol, open: boolean): void {
  const changed = open ? broken.delete(stream) : !broken.has(stream) && Boolean(broken.add(stream));
  if (changed) tell();
}

function current(): Connection {
  if (!reachable) return 'offline';
  return broken.size > 0 ? 'reconnecting' : 'live';
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The state, live. */
export function useConnection(): Connection {
  return useSyncExternalStore(subscribe, current);
}
