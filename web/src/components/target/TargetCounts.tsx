// SPDX-License-Identifier: Apache-2.0
// How many hosts a target names, and how many of them are there now.

import { Group, Skeleton, Text } from '@mantine/core';
import { asProblem } from '@/api/problem';
import type { Platform, Target } from '@/api/schema';
import { AnchorLink } from '@/components/links';
import { Dot } from '@/components/marks';
import { count, counted } from '@/lib/format';
import { useTargetCount } from './queries';
import { missing } from './target';

const PARTS = [
  { status: 'online', color: 'green.6' },
  { status: 'stale', color: 'yellow.6' },
  { status: 'offline', color: 'gray.5' },
] as const;

/** What of the list of hosts is just this target; nothing when the list cannot say it. */
function doorOf(target: Target): { platform?: Platform } | undefined {
  if (target.type === 'all') return {};
  return target.type === 'os_in' && target.platforms.length === 1
    ? { platform: target.platforms[0] }
    : undefined;
}

/** `43 hosts targeted · 40 online · 1 stale · 2 offline`, kept fresh. */
export function TargetCounts({ target }: { target: Target }) {
  const counts = useTargetCount(target);
  if (missing(target)) return <Text size="sm">No hosts targeted.</Text>;
  if (counts.error && !counts.data) {
    return (
      <Text size="sm" c="var(--mantine-color-error)">
        The hosts could not be counted: {asProblem(counts.error).detail}
      </Text>
    );
  }
  if (!counts.data) return <Skeleton height={20} width={280} />;
  const { data } = counts;
  const door = doorOf(target);
  return (
    <Group style={{ gap: '4px 16px' }} fz="sm" component="output" aria-label="Hosts of the target">
      <Text span size="sm" fw={600}>
        {counted(data.targeted, 'host')} targeted
      </Text>
      {PARTS.map(({ status, color }) => {
        const number = data[status];
        const mark = <Dot color={color} label={`${count(number)} ${status}`} />;
        if (!door || number === 0) return <span key={status}>{mark}</span>;
        return (
          <AnchorLink key={status} to="/hosts" search={{ ...door, status }} inherit c="inherit">
            {mark}
          </AnchorLink>
        );
      })}
    </Group>
  );
}
