// SPDX-License-Identifier: Apache-2.0
// Paces reading again: however often it is told that something changed, it reads at most once in a
// while, never twice at once, and always once more after the last change.

/** See `Refresher`. */
export interface RefresherOptions {
  /** Shortest time between two readings, in milliseconds. */
  everyMs: number;
  /** Whether an earlier reading is still under way. */
  isBusy: () => boolean;
  /** Reads. */
  refresh: () => void;
}

/** Reads again what changed. */
export class Refresher {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private lastAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: RefresherOptions) {}

  /** Something changed. */
  mark(): void {
    if (this.timer !== undefined) return;
    const wait = Math.max(0, this.lastAt + this.options.everyMs - Date.now());
    this.timer = setTimeout(() => this.run(), wait);
  }

  /** Nothing is read any more. */
  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private run(): void {
    this.timer = undefined;
    this.lastAt = Date.now();
    // What is under way may have been read before the change: look again when it is done.
    if (this.options.isBusy()) this.mark();
    else this.options.refresh();
  }
}
