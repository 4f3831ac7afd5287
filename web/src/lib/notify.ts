// SPDX-License-Identifier: Apache-2.0
// Short messages at the edge of the screen. A refusal that belongs to a control is shown beside
// that control instead.

import type { NotificationData } from '@mantine/notifications';
import { asProblem } from '@/api/problem';

let isWanted = false;
const listeners = new Set<() => void>();

/** Whether anything has been said yet: until then the part that shows it is not loaded. */
export const wanted = {
  subscribe(listener: () => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
  snapshot: (): boolean => isWanted,
};

async function show(message: NotificationData): Promise<void> {
  const { notifications } = await import('@mantine/notifications');
  notifications.show(message);
  isWanted = true;
  for (const listener of listeners) listener();
}

/** Something was done. */
export function notifyDone(message: string): void {
  void show({ message, color: 'teal', autoClose: 5_000 });
}

/** Something was refused or failed; stays until it is closed, as it wants to be read. */
export function notifyProblem(error: unknown, title = 'That did not work'): void {
  void show({ title, message: asProblem(error).detail, color: 'red', autoClose: false });
}
