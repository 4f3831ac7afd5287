// SPDX-License-Identifier: Apache-2.0
// Answers by host: those that came after the live window closed, or all of them.

import { Group, SegmentedControl } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import type { Campaign } from '@/api/schema';
import { SearchInput } from '@/components/SearchInput';
import { Empty } from '@/components/states';
import { responsesQuery } from './data';
import { HostList } from './HostList';
import { responseCell, responseText } from './host-cells';
import { Panel } from './Panel';
import { useCampaignSearch } from './useCampaignSearch';

const COLUMNS = [
  { id: 'host', header: 'Host', width: 180 },
  { id: 'rows', header: 'Rows', width: 130 },
  { id: 'time', header: 'Time', width: 120 },
  { id: 'view', header: 'Answer', width: 120 },
];

/** The card. */
export function ResponsesCard({ campaign }: { campaign: Campaign }) {
  const [{ answers, answered }, change] = useCampaignSearch();
  const isAll = answers === 'all';
  const options = responsesQuery(campaign.id, isAll ? undefined : true, answered);
  const query = useInfiniteQuery(options);
  const title = campaign.kind === 'ioc_hunt' ? 'Late Matches' : 'Late Responses';
  return (
    <Panel
      id="late-responses"
      title={isAll ? 'Responses' : title}
      actions={
        <Group gap="xs">
          <SegmentedControl
            size="xs"
            aria-label="Which responses"
            data={[
              { value: 'late', label: 'Late' },
              { value: 'all', label: 'All' },
            ]}
            value={isAll ? 'all' : 'late'}
            onChange={(value) => change({ answers: value === 'all' ? 'all' : undefined })}
          />
          <SearchInput
            label="Search responses by host"
            w={210}
            size="xs"
            value={answered ?? ''}
            onSearch={(text) => change({ answered: text || undefined })}
          />
        </Group>
      }
    >
      <HostList
        label={isAll ? 'Responses' : title}
        query={query}
        queryKey={options.queryKey}
        columns={COLUMNS}
        cell={responseCell}
        text={responseText}
        empty={<NoResponses campaign={campaign} isAll={isAll} isFiltered={Boolean(answered)} />}
      />
    </Panel>
  );
}

function NoResponses({
  campaign,
  isAll,
  isFiltered,
}: {
  campaign: Campaign;
  isAll: boolean;
  isFiltered: boolean;
}) {
  const { responded, late } = campaign.coverage;
  if (isFiltered && (isAll ? responded : late) > 0) {
    return <Empty title="No response of a host of this name" />;
  }
  if (isAll) return <Empty title="No host has answered yet" />;
  return (
    <Empty title="No late responses">
      {campaign.live
        ? 'The live window is open: what is answered now is in time.'
        : 'Hosts that answer after the live window appear here.'}
    </Empty>
  );
}
