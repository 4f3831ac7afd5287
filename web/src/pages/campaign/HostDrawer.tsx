// SPDX-License-Identifier: Apache-2.0
// What one host answered, beside the campaign. The address names the host.

import { Alert, Drawer, Group, Stack, Text } from '@mantine/core';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { Assignment, Campaign, Response } from '@/api/schema';
import { HostLink } from '@/components/HostLink';
import { Moment } from '@/components/Moment';
import { HostStatusMark, StateMark } from '@/components/marks';
import { SearchInput } from '@/components/SearchInput';
import { Empty, Failure, Loading } from '@/components/states';
import { count, counted } from '@/lib/format';
import { excerpt, visible } from '@/lib/untrusted';
import { hostQuery, hostRowsQuery } from './data';
import { LateBadge, OutcomeBadge, TruncatedBadge } from './host-cells';
import { RowGrid } from './RowGrid';
import type { Row } from './row-pages';
import type { ResultsSearch } from './search';
import { useCampaignSearch } from './useCampaignSearch';
import { reasonWords, waitingWords } from './words';

/** The drawer; open while the address names a host. */
export function HostDrawer({ campaign }: { campaign: Campaign }) {
  const [{ host }, change] = useCampaignSearch();
  // The last host stays in it while it slides away.
  const [shown, setShown] = useState(host);
  if (host !== undefined && host !== shown) setShown(host);
  return (
    <Drawer
      opened={host !== undefined}
      onClose={() => change({ host: undefined })}
      position="right"
      size="xl"
      title={shown && <DrawerTitle id={campaign.id} host={shown} />}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {shown && <HostAnswer campaign={campaign} host={shown} key={shown} />}
    </Drawer>
  );
}

function DrawerTitle({ id, host }: { id: string; host: string }) {
  const { data } = useQuery(hostQuery(id, host));
  return <>Answer of {excerpt(data?.hostname || host, 80).text}</>;
}

function HostAnswer({ campaign, host }: { campaign: Campaign; host: string }) {
  const query = useQuery(hostQuery(campaign.id, host));
  if (!query.data) {
    if (!query.error) return <Loading lines={8} />;
    return <Failure error={query.error} retry={() => void query.refetch()} />;
  }
  const { assignment, response, hostname } = query.data;
  if (!assignment) {
    return <Empty title="This campaign does not ask this host">It was not in its target.</Empty>;
  }
  return (
    <Stack gap="md">
      <Standing assignment={assignment} response={response} hostname={hostname} />
      {assignment.error && (
        <Alert color="red" title="The host’s message" style={{ overflowWrap: 'anywhere' }}>
          {visible(assignment.error)}
        </Alert>
      )}
      {assignment.outcome === 'rows' && (
        <HostRows campaign={campaign} host={host} stored={response?.stored_rows ?? null} />
      )}
      {assignment.outcome === 'empty' && (
        <Empty title="No rows">The host answered, and it has no such row.</Empty>
      )}
    </Stack>
  );
}

function Standing({
  assignment,
  response,
  hostname,
}: {
  assignment: Assignment;
  response: Response | undefined;
  hostname: string;
}) {
  const waits = assignment.state === 'pending' || assignment.state === 'offered';
  const reason = reasonWords(assignment.reason) || (waits ? waitingWords(assignment) : '');
  return (
    <Stack gap={6}>
      <Group gap="sm">
        <Text span size="sm">
          <HostLink id={assignment.host_id} hostname={hostname} />
        </Text>
        <Text span size="sm">
          <HostStatusMark status={assignment.host_status} />
        </Text>
        <Text span size="sm" c="dimmed">
          last contact <Moment at={assignment.host_last_seen_at} />
        </Text>
      </Group>
      <Group gap="sm">
        <Text span size="sm">
          <StateMark state={assignment.state} />
        </Text>
        {assignment.outcome && <OutcomeBadge outcome={assignment.outcome} />}
        {assignment.late && <LateBadge />}
        {assignment.truncated && <TruncatedBadge />}
        <Text span size="sm" c="dimmed">
          <Moment at={assignment.state_changed_at} />
          {reason && `, ${reason}`}
        </Text>
      </Group>
      {response && (
        <Text size="sm" c="dimmed">
          {assignment.truncated
            ? `Showing ${count(response.stored_rows)} of ${counted(response.row_count, 'row')}`
            : counted(response.row_count, 'row')}
          {response.stats && `; took ${count(response.stats.wall_time_ms)} ms on the host`}.
        </Text>
      )}
    </Stack>
  );
}

function cell(row: Row, column: string): string {
  return row[column] ?? '';
}

function HostRows({
  campaign,
  host,
  stored,
}: {
  campaign: Campaign;
  host: string;
  stored: number | null;
}) {
  const [wanted, setWanted] = useState<ResultsSearch>({});
  const options = hostRowsQuery(campaign.id, host, wanted);
  const query = useInfiniteQuery({ ...options, enabled: !campaign.rows_dropped });
  if (campaign.rows_dropped) {
    return <Empty title="The rows were dropped">The record of the answer is kept.</Empty>;
  }
  return (
    <div>
      <RowGrid
        label="Rows of this host"
        query={query}
        queryKey={options.queryKey}
        stamped={false}
        stored={stored}
        wanted={wanted}
        onChange={(next) => setWanted((before) => ({ ...before, ...next }))}
        cell={cell}
        height="max(240px, calc(100dvh - 330px))"
        toolbar={
          <SearchInput
            label="Search this host’s cells"
            size="xs"
            value={wanted.contains ?? ''}
            onSearch={(text) => setWanted((before) => ({ ...before, contains: text || undefined }))}
          />
        }
      />
    </div>
  );
}
