// SPDX-License-Identifier: Apache-2.0
// What was found: all rows of all hosts.

import { Text } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import type { Campaign } from '@/api/schema';
import { HostLink } from '@/components/HostLink';
import { SearchInput } from '@/components/SearchInput';
import { Empty } from '@/components/states';
import { count, counted } from '@/lib/format';
import { rowsQuery } from './data';
import { ExportMenu, ExportProgress } from './ExportMenu';
import { Panel } from './Panel';
import { HOSTNAME, RowGrid } from './RowGrid';
import type { Row } from './row-pages';
import { useCampaignSearch } from './useCampaignSearch';
import { useExport } from './useExport';

/** Height of the grid in px. */
const GRID_PX = 520;

function cell(row: Row, column: string) {
  const text = row[column] ?? '';
  if (column !== HOSTNAME) return text;
  return <HostLink id={row._host_id ?? ''} hostname={text} />;
}

function text(row: Row, column: string): string {
  return row[column] ?? '';
}

/** The card. */
export function ResultsCard({ campaign }: { campaign: Campaign }) {
  const { state, start, cancel } = useExport(campaign);
  const nothing = campaign.rows_dropped || campaign.coverage.rows_stored === 0;
  const why = campaign.rows_dropped ? 'The rows were dropped.' : 'There are no rows yet.';
  return (
    <Panel
      id="results"
      title="Results"
      actions={
        <ExportMenu barred={nothing ? why : undefined} onExport={(format) => void start(format)} />
      }
    >
      <ExportProgress campaign={campaign} state={state} onCancel={cancel} />
      {nothing ? <Nothing campaign={campaign} /> : <Rows campaign={campaign} />}
    </Panel>
  );
}

function Rows({ campaign }: { campaign: Campaign }) {
  const [search, change] = useCampaignSearch();
  const { sort, order, contains, where, hide } = search;
  const options = rowsQuery(campaign.id, search);
  const query = useInfiniteQuery(options);
  const { rows_stored, rows_reported } = campaign.coverage;
  const cut = rows_reported - rows_stored;
  return (
    <RowGrid
      label="Results"
      query={query}
      queryKey={options.queryKey}
      stamped
      stored={rows_stored}
      wanted={{ sort, order, contains, where, hide }}
      onChange={change}
      cell={cell}
      text={text}
      height={GRID_PX}
      toolbar={
        <SearchInput
          label="Search all cells"
          size="xs"
          w={240}
          value={contains ?? ''}
          onSearch={(next) => change({ contains: next || undefined })}
        />
      }
      note={
        cut > 0 && (
          <Text size="sm" c="dimmed">
            Hosts reported {counted(rows_reported, 'row')}; {count(cut)} were cut.
          </Text>
        )
      }
    />
  );
}

function Nothing({ campaign }: { campaign: Campaign }) {
  const { coverage, rows_dropped } = campaign;
  if (rows_dropped) {
    return (
      <Empty title="The rows were dropped">
        An administrator removed the raw rows of this campaign. Its record, ledger and counts are
        kept: {counted(coverage.rows_stored, 'row')} had been stored.
      </Empty>
    );
  }
  if (coverage.responded === 0) {
    return (
      <Empty title="No results yet">
        {campaign.status === 'active'
          ? 'Rows appear here as hosts answer.'
          : 'No host answered before the campaign was stopped.'}
      </Empty>
    );
  }
  return (
    <Empty title="No rows">
      {counted(coverage.responded, 'host')} answered, and none of them has such a row.
    </Empty>
  );
}
