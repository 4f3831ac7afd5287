// SPDX-License-Identifier: Apache-2.0
// Badges of what was cut and what failed, each a door to its hosts. They stand in a line that is
// there anyway, so that the first error moves nothing.

import { Badge, Group, UnstyledButton } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { Campaign } from '@/api/schema';
import { count, counted } from '@/lib/format';
import { type DoorTo, useDoor } from './doors';
import type { LedgerSearch } from './search';

/** The badges; nothing when all went well. */
export function WarningBadges({ campaign: { coverage } }: { campaign: Campaign }) {
  const doors: { shown: number; words: string; color: string; ledger: LedgerSearch }[] = [
    {
      shown: coverage.truncated,
      words: `${counted(coverage.truncated, 'host')} with rows truncated`,
      color: 'orange',
      ledger: { truncated: true },
    },
    {
      shown: coverage.errors,
      words: `${counted(coverage.errors, 'error')}`,
      color: 'red',
      ledger: { outcome: 'error' },
    },
    {
      shown: coverage.denylisted,
      words: `${count(coverage.denylisted)} denylisted`,
      color: 'grape',
      ledger: { outcome: 'denylisted' },
    },
  ];
  const shown = doors.filter((door) => door.shown > 0);
  if (shown.length === 0) return null;
  return (
    <Group gap="xs">
      {shown.map(({ words, color, ledger }) => (
        <BadgeDoor key={words} to={{ ledger }} color={color} words={words} />
      ))}
    </Group>
  );
}

function BadgeDoor({ to, color, words }: { to: DoorTo; color: string; words: string }) {
  const door = useDoor(to);
  return (
    <UnstyledButton component={Link} {...(door as object)} style={{ borderRadius: 16 }}>
      <Badge color={color} variant="light" size="lg" tt="none" style={{ cursor: 'pointer' }}>
        {words}
      </Badge>
    </UnstyledButton>
  );
}
