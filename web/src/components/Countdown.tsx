// SPDX-License-Identifier: Apache-2.0
// Time until a moment, counted down by the second.

import { Tooltip } from '@mantine/core';
import { useNow } from '@/lib/clock';
import { duration, exact } from '@/lib/format';

/** `8 min 12 s`; `0 s` once it has come. */
export function Countdown({ to }: { to: string }) {
  const now = useNow(1_000);
  const at = Date.parse(to);
  return (
    <Tooltip label={exact(at)} withinPortal openDelay={200}>
      <time dateTime={to}>{duration(at - now)}</time>
    </Tooltip>
  );
}
