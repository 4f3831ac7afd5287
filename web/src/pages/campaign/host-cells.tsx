// SPDX-License-Identifier: Apache-2.0
// Cells of the lists of hosts, and their texts for copying.

import { Badge, Button, Group, Text, Tooltip } from '@mantine/core';
import type { ReactNode } from 'react';
import type { Assignment, Outcome, Response } from '@/api/schema';
import { HostLink } from '@/components/HostLink';
import { Moment } from '@/components/Moment';
import { HostStatusMark, StateMark } from '@/components/marks';
import { Untrusted } from '@/components/Untrusted';
import { count, exact } from '@/lib/format';
import { useCampaignSearch } from './useCampaignSearch';
import { reasonWords, waitingWords } from './words';

const OUTCOME_COLORS: Record<Outcome, string> = {
  rows: 'green',
  empty: 'gray',
  error: 'red',
  denylisted: 'grape',
};

/** What a host's answer was. */
export function OutcomeBadge({ outcome }: { outcome: Outcome }) {
  return (
    <Badge variant="light" size="sm" color={OUTCOME_COLORS[outcome]} tt="none">
      {outcome}
    </Badge>
  );
}

/** That rows of a host were cut. */
export function TruncatedBadge() {
  return (
    <Tooltip label="The host reported more rows than are kept of one host.">
      <Badge variant="light" size="sm" color="orange" tt="none">
        rows truncated
      </Badge>
    </Tooltip>
  );
}

/** That an answer came after the live window. */
export function LateBadge() {
  return (
    <Badge variant="light" size="sm" color="red" tt="none">
      late
    </Badge>
  );
}

function ViewRows({ host, hostname }: { host: string; hostname: string }) {
  const [, change] = useCampaignSearch();
  return (
    <Button
      size="compact-xs"
      variant="subtle"
      aria-label={`View rows of ${hostname || host}`}
      onClick={() => change({ host }, { push: true })}
    >
      View rows
    </Button>
  );
}

/** Cells of the ledger and of the pending hosts. */
export function assignmentCell(item: Assignment, column: string): ReactNode {
  switch (column) {
    case 'host':
      return <HostLink id={item.host_id} hostname={item.hostname} />;
    case 'status':
      return (
        <Group h="100%">
          <HostStatusMark status={item.host_status} />
        </Group>
      );
    case 'contact':
      return <Moment at={item.host_last_seen_at} />;
    case 'state':
      return (
        <Group h="100%">
          <StateMark state={item.state} />
        </Group>
      );
    case 'changed':
      return <Moment at={item.state_changed_at} />;
    case 'rows':
      return (
        <Group gap={6} wrap="nowrap" h="100%">
          {count(item.row_count)}
          {item.truncated && <TruncatedBadge />}
        </Group>
      );
    case 'outcome':
      return item.outcome ? (
        <Group gap={4} wrap="nowrap" h="100%">
          <OutcomeBadge outcome={item.outcome} />
          {item.late && <LateBadge />}
        </Group>
      ) : (
        '–'
      );
    case 'view':
      return item.outcome === 'rows' ? (
        <ViewRows host={item.host_id} hostname={item.hostname} />
      ) : null;
    default:
      return assignmentText(item, column);
  }
}

/** The same as text. */
export function assignmentText(item: Assignment, column: string): string {
  switch (column) {
    case 'host':
      return item.hostname || item.host_id;
    case 'status':
      return item.host_status;
    case 'contact':
      return exact(Date.parse(item.host_last_seen_at));
    case 'attempts':
      return String(item.attempts);
    case 'state':
      return item.state;
    case 'changed':
      return exact(Date.parse(item.state_changed_at));
    case 'rows':
      return String(item.row_count);
    case 'outcome':
      return item.outcome ?? '';
    case 'waiting':
      return reasonWords(item.reason) || waitingWords(item);
    case 'reason':
      return item.error ?? reasonWords(item.reason);
    default:
      return '';
  }
}

/** Cells of the list of answers. */
export function responseCell(item: Response, column: string): ReactNode {
  switch (column) {
    case 'host':
      return <HostLink id={item.host_id} hostname={item.hostname} />;
    case 'rows':
      return (
        <Group gap={6} wrap="nowrap" h="100%">
          {count(item.row_count)}
          {item.truncated && <TruncatedBadge />}
          {item.outcome !== 'rows' && <OutcomeBadge outcome={item.outcome} />}
        </Group>
      );
    case 'time':
      return (
        <Group gap={6} wrap="nowrap" h="100%">
          <Moment at={item.received_at} />
          {item.late && <LateBadge />}
        </Group>
      );
    case 'view':
      return item.outcome === 'rows' ? (
        <ViewRows host={item.host_id} hostname={item.hostname} />
      ) : (
        <Text span size="sm" c="dimmed" truncate>
          <Untrusted text={item.error ?? 'no rows'} />
        </Text>
      );
    default:
      return null;
  }
}

/** The same as text. */
export function responseText(item: Response, column: string): string {
  switch (column) {
    case 'host':
      return item.hostname || item.host_id;
    case 'rows':
      return String(item.row_count);
    case 'time':
      return exact(Date.parse(item.received_at));
    case 'view':
      return item.error ?? '';
    default:
      return '';
  }
}
