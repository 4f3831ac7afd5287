// SPDX-License-Identifier: Apache-2.0
// The results of a live query while they come, and after.

import { Alert, Button, Card, Group, Stack, Tabs, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useMemo, useSyncExternalStore } from 'react';
import { useUser } from '@/api/session';
import { schemaQuery } from '@/components/sql/queries';
import { columnOrder } from '@/components/sql/schema-index';
import { namedTables } from '@/components/sql/scope';
import { isName, tokens } from '@/components/sql/tokens';
import { count } from '@/lib/format';
import { ErrorsGrid } from './ErrorsGrid';
import { LiveHead } from './LiveHead';
import { RowsGrid } from './RowsGrid';
import { isGone, type Run, runOf } from './run';

/** What the results are given. */
export interface LiveResultsProps {
  id: string;
  /** Leaves the results. */
  onClose: () => void;
  /** Makes a campaign of what was asked. */
  onCampaign: (run: Run) => void;
}

/** The card of results. */
export function LiveResults({ id, onClose, onCampaign }: LiveResultsProps) {
  const user = useUser().id;
  const run = useMemo(() => runOf(id, user), [id, user]);
  useSyncExternalStore(run.subscribe, run.snapshot);
  const columns = useColumns(run);
  if (run.refused && run.data.rows.length === 0 && run.data.totals === undefined) {
    return <Refused run={run} onClose={onClose} />;
  }
  const { rows, errors } = run.data;
  return (
    <Card withBorder component="section" aria-label="Results" p="md">
      <Stack gap="sm">
        <LiveHead
          run={run}
          columns={columns}
          onClose={onClose}
          onCampaign={() => onCampaign(run)}
        />
        <Notices run={run} onCampaign={() => onCampaign(run)} />
        <Tabs
          value={run.look.tab}
          onChange={(tab) => run.lookAt({ tab: tab === 'errors' ? 'errors' : 'rows' })}
          keepMounted={false}
        >
          <Tabs.List>
            <Tabs.Tab value="rows">Rows ({count(rows.length)})</Tabs.Tab>
            <Tabs.Tab value="errors">Errors ({count(errors.length)})</Tabs.Tab>
          </Tabs.List>
          <Tabs.Panel value="rows" pt="sm">
            <RowsGrid run={run} columns={columns} />
          </Tabs.Panel>
          <Tabs.Panel value="errors" pt="sm">
            <ErrorsGrid errors={errors} />
          </Tabs.Panel>
        </Tabs>
      </Stack>
    </Card>
  );
}

/** Names of the columns as a person would lay them out. */
function useColumns(run: Run): string[] {
  const schema = useQuery(schemaQuery).data;
  const sql = run.query?.sql ?? '';
  const known = run.data.columns.length;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the list changes in place, by its end
  return useMemo(() => {
    const all = tokens(sql);
    const until = all.findIndex(({ kind, name }) => kind === 'word' && name === 'from');
    const written = all.slice(0, until < 0 ? all.length : until).filter(isName);
    const declared = namedTables(all).flatMap(
      ({ table }) => schema?.byName.get(table)?.columns.map(({ name }) => name) ?? [],
    );
    return columnOrder(
      run.data.columns,
      written.map(({ name }) => name),
      declared,
    );
  }, [run, known, sql, schema]);
}

function Refused({ run, onClose }: { run: Run; onClose: () => void }) {
  return (
    <Alert
      role="alert"
      color="yellow"
      title={isGone(run.refused) ? 'This live query is gone' : 'These results cannot be shown'}
    >
      <Stack gap="xs" align="flex-start">
        <Text size="sm">{run.refused?.detail}</Text>
        {isGone(run.refused) && (
          <Text size="sm">What is to be kept and seen by others is launched as a campaign.</Text>
        )}
        <Button size="xs" variant="default" onClick={onClose}>
          Close
        </Button>
      </Stack>
    </Alert>
  );
}

function Notices({ run, onCampaign }: { run: Run; onCampaign: () => void }) {
  const { end, totals, rows, sent } = run.data;
  return (
    <>
      {end?.truncated && (
        <Alert color="yellow" title="Not all rows are here" role="alert">
          <Text size="sm">
            Showing {count(rows.length)} rows of at least {count(sent)}: more came than a live query
            holds, so it ended there. Narrow the query, or launch it as a campaign, which keeps far
            more.
          </Text>
        </Alert>
      )}
      {run.refused && (
        <Alert color="yellow" role="alert" title="The server no longer shows this live query">
          <Text size="sm">{run.refused.detail} What had come by then is below.</Text>
        </Alert>
      )}
      {totals?.online === 0 && (
        <Alert color="blue" title="Nobody was asked">
          <Group gap="sm">
            <Text size="sm">
              None of the {count(totals.targeted)} targeted hosts is online. A campaign waits for
              them.
            </Text>
            <Button size="xs" variant="default" onClick={onCampaign}>
              Re-run as campaign
            </Button>
          </Group>
        </Alert>
      )}
    </>
  );
}
