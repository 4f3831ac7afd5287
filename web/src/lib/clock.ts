// SPDX-License-Identifier: Apache-2.0
// One timer for every relative time on the page.

import { useSyncExternalStore } from 'react';

let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;
const listeners = new Set<() => void>();

function tick(): void {
  now = Date.now();
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(tick, 1000);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

/** The time now, rounded down to a step in milliseconds so that nothing renders without change. */
export function useNow(step = 5_000): number {
  return useSyncExternalStore(subscribe, () => Math.floor(now / step) * step);
}
