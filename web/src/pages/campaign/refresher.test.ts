// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Refresher } from './refresher';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function refresher() {
  const state = { busy: false, refreshed: 0 };
  const subject = new Refresher({
    everyMs: 1000,
    isBusy: () => state.busy,
    refresh: () => {
      state.refreshed += 1;
    },
  });
  return { state, subject };
}

it('reads at once, then at most once in a while, and after the last change', () => {
  const { state, subject } = refresher();
  for (let at = 0; at < 2_500; at += 10) {
    subject.mark();
    vi.advanceTimersByTime(10);
  }
  expect(state.refreshed).toBe(3);
  vi.advanceTimersByTime(5_000);
  expect(state.refreshed).toBe(4);
});

it('reads again after a reading that was under way when something changed', () => {
  const { state, subject } = refresher();
  state.busy = true;
  subject.mark();
  vi.advanceTimersByTime(3_500);
  expect(state.refreshed).toBe(0);
  state.busy = false;
  vi.advanceTimersByTime(1_000);
  expect(state.refreshed).toBe(1);
  vi.advanceTimersByTime(5_000);
  expect(state.refreshed).toBe(1);
});

it('reads nothing once it is stopped', () => {
  const { state, subject } = refresher();
  subject.mark();
  subject.stop();
  vi.advanceTimersByTime(5_000);
  expect(state.refreshed).toBe(0);
});
