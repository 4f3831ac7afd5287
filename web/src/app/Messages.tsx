// SPDX-License-Identifier: Apache-2.0
// The place of short messages, loaded with the first of them.

import { lazy, Suspense, useSyncExternalStore } from 'react';
import { wanted } from '@/lib/notify';

const Notifications = lazy(async () => {
  const { Notifications: component } = await import('@mantine/notifications');
  return { default: component };
});

/** Shows them at the upper right. */
export function Messages() {
  const isWanted = useSyncExternalStore(wanted.subscribe, wanted.snapshot);
  return (
    <Suspense>{isWanted && <Notifications position="top-right" containerWidth={420} />}</Suspense>
  );
}
