// SPDX-License-Identifier: Apache-2.0
// Short messages at the edge of the screen. A refusal that belongs to a control is shown beside
// that control instead.

import { notifications } from '@mantine/notifications';
import { asProblem } from '@/api/problem';

/** Something was done. */
export function notifyDone(message: string): void {
  notifications.show({ message, color: 'teal', autoClose: 5_000 });
}

/** Something was refused or failed; stays until it is closed, as it wants to be read. */
export function notifyProblem(error: unknown, title = 'That did not work'): void {
  notifications.show({ title, message: asProblem(error).detail, color: 'red', autoClose: false });
}
