// SPDX-License-Identifier: Apache-2.0
// The ledger: one row for each targeted host. Doors open it; the address holds its filters.

import { Button, Checkbox, Group, NativeSelect } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import type { AssignmentState, Campaign, Outcome } from '@/api/schema';
import { STATES } from '@/components/marks';
import { SearchInput } from '@/components/SearchInput';
import { Empty } from '@/components/states';
import { ledgerQuery } from './data';
import { HostList } from './HostList';
import { assignmentCell, assignmentText } from './host-cells';
import { Panel } from './Panel';
import type { LedgerSearch } from './search';
import { useCampaignSearch } from './useCampaignSearch';

const COLUMNS = [
  { id: 'host', header: 'Host', width: 200 },
  { id: 'state', header: 'State', width: 116 },
  { id: 'changed', header: 'Since', width: 110 },
  { id: 'outcome', header: 'Outcome', width: 130 },
  { id: 'rows', header: 'Rows', width: 150 },
  { id: 'view', header: 'Answer', width: 100 },
  { id: 'reason', header: 'Reason', width: 240 },
  { id: 'attempts', header: 'Attempts', width: 112 },
  { id: 'status', header: 'Host status', width: 130 },
  { id: 'contact', header: 'Last contact', width: 130 },
];
const STATE_CHOICES = [
  { value: '', label: 'All states' },
  ...STATES.map(({ state }) => ({ value: state as string, label: state as string })),
];
const OUTCOME_CHOICES = [
  { value: '', label: 'All outcomes' },
  { value: 'rows', label: 'with rows' },
  { value: 'empty', label: 'empty' },
  { value: 'error', label: 'error' },
  { value: 'denylisted', label: 'denylisted' },
];
const LATE_CHOICES = [
  { value: '', label: 'In time and late' },
  { value: 'true', label: 'Late only' },
  { value: 'false', label: 'In time only' },
];
const CLOSED = {
  ledger: undefined,
  state: undefined,
  outcome: undefined,
  late: undefined,
  truncated: undefined,
  q: undefined,
};

/** The card; not there until a door opens it. */
export function LedgerCard({ campaign }: { campaign: Campaign }) {
  const [search, change] = useCampaignSearch();
  const options = ledgerQuery(campaign.id, search);
  const query = useInfiniteQuery(options);
  return (
    <Panel
      id="ledger"
      title="Ledger"
      actions={
        <Button size="xs" variant="default" onClick={() => change(CLOSED)}>
          Close ledger
        </Button>
      }
    >
      <Filters search={search} onChange={change} />
      <HostList
        label="Ledger"
        query={query}
        queryKey={options.queryKey}
        columns={COLUMNS}
        cell={assignmentCell}
        text={assignmentText}
        empty={<Empty title="No host stands here">Change the filters to see others.</Empty>}
      />
    </Panel>
  );
}

function Filters({
  search,
  onChange,
}: {
  search: LedgerSearch;
  onChange: (next: LedgerSearch) => void;
}) {
  const { state, outcome, late, truncated, q } = search;
  return (
    <Group gap="xs" mb="sm">
      <SearchInput
        label="Search hosts of the ledger"
        w={220}
        size="xs"
        value={q ?? ''}
        onSearch={(text) => onChange({ q: text || undefined })}
      />
      <NativeSelect
        size="xs"
        aria-label="State"
        data={STATE_CHOICES}
        value={state ?? ''}
        onChange={(event) =>
          onChange({ state: (event.currentTarget.value || undefined) as AssignmentState })
        }
      />
      <NativeSelect
        size="xs"
        aria-label="Outcome"
        data={OUTCOME_CHOICES}
        value={outcome ?? ''}
        onChange={(event) =>
          onChange({ outcome: (event.currentTarget.value || undefined) as Outcome })
        }
      />
      <NativeSelect
        size="xs"
        aria-label="Lateness"
        data={LATE_CHOICES}
        value={late === undefined ? '' : String(late)}
        onChange={(event) => {
          const { value } = event.currentTarget;
          onChange({ late: value === '' ? undefined : value === 'true' });
        }}
      />
      <Checkbox
        size="xs"
        label="Rows truncated"
        checked={truncated ?? false}
        onChange={(event) => onChange({ truncated: event.currentTarget.checked || undefined })}
      />
    </Group>
  );
}
