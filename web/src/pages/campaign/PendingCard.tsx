// SPDX-License-Identifier: Apache-2.0
// What is outstanding: hosts that have not answered and still may, oldest contact first.

import { useInfiniteQuery } from '@tanstack/react-query';
import type { Campaign } from '@/api/schema';
import { SearchInput } from '@/components/SearchInput';
import { Empty } from '@/components/states';
import { pendingQuery } from './data';
import { HostList } from './HostList';
import { assignmentCell, assignmentText } from './host-cells';
import { Panel } from './Panel';
import { useCampaignSearch } from './useCampaignSearch';
import { waiting } from './words';

const COLUMNS = [
  { id: 'host', header: 'Host', width: 180 },
  { id: 'status', header: 'Status', width: 90 },
  { id: 'contact', header: 'Last contact', width: 130 },
  { id: 'attempts', header: 'Attempts', width: 112 },
  { id: 'waiting', header: 'Reason', width: 200 },
];

/** The card. */
export function PendingCard({ campaign }: { campaign: Campaign }) {
  const [{ pending }, change] = useCampaignSearch();
  const options = pendingQuery(campaign.id, pending);
  const query = useInfiniteQuery(options);
  return (
    <Panel
      id="pending-hosts"
      title="Pending hosts"
      actions={
        <SearchInput
          label="Search pending hosts"
          size="xs"
          value={pending ?? ''}
          onSearch={(text) => change({ pending: text || undefined })}
        />
      }
    >
      <HostList
        label="Pending hosts"
        query={query}
        queryKey={options.queryKey}
        columns={COLUMNS}
        cell={assignmentCell}
        text={assignmentText}
        empty={<NonePending campaign={campaign} isFiltered={pending !== undefined} />}
      />
    </Panel>
  );
}

function NonePending({ campaign, isFiltered }: { campaign: Campaign; isFiltered: boolean }) {
  if (isFiltered && waiting(campaign.coverage) > 0) {
    return <Empty title="No pending host has this name" />;
  }
  return (
    <Empty title="Nobody is pending">
      {campaign.complete
        ? 'Every host has answered, or is not asked any more.'
        : 'Hosts that have not answered appear here.'}
    </Empty>
  );
}
