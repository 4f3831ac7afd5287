// SPDX-License-Identifier: Apache-2.0
// Says when what is on the screen may be stale. Silent while all is well.

import { Badge, Tooltip } from '@mantine/core';
import { IconPlugConnectedX } from '@tabler/icons-react';
import { type Connection, useConnection } from '@/api/connection';

const WORDS: Record<
  Exclude<Connection, 'live'>,
  { label: string; meaning: string; color: string }
> = {
  reconnecting: {
    label: 'Reconnecting',
    meaning:
      'A live stream was cut off and is being opened again. Nothing is lost: it goes on where it stopped.',
    color: 'yellow',
  },
  offline: {
    label: 'No connection',
    meaning:
      'The server does not answer. What you see may be out of date; the console tries again by itself.',
    color: 'red',
  },
};

/** The badge. Its region is always there, so that screen readers hear it change. */
export function ConnectionBadge() {
  const connection = useConnection();
  return (
    <output aria-live="polite" data-connection={connection}>
      {connection !== 'live' && (
        <Tooltip label={WORDS[connection].meaning}>
          <Badge
            variant="light"
            color={WORDS[connection].color}
            leftSection={<IconPlugConnectedX size={12} />}
            tt="none"
          >
            {WORDS[connection].label}
          </Badge>
        </Tooltip>
      )}
    </output>
  );
}
