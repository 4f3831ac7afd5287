// SPDX-License-Identifier: Apache-2.0
// A moment: relative, with the exact UTC time on hover and for screen readers.

import { Tooltip } from '@mantine/core';
import { useNow } from '@/lib/clock';
import { exact, relative } from '@/lib/format';

/** The time is known in steps, and clocks differ: what is so little ahead has just been. */
const CLOCKS_MS = 5_000;

/** Shows when; `none` stands for a moment that has not come. */
export function Moment({ at, none = '–' }: { at: string | null | undefined; none?: string }) {
  const now = useNow();
  if (!at) return <>{none}</>;
  const ms = Date.parse(at);
  return (
    <Tooltip label={exact(ms)} withinPortal openDelay={200}>
      <time dateTime={at}>{relative(ms, Math.max(now, Math.min(ms, now + CLOCKS_MS)))}</time>
    </Tooltip>
  );
}
