// SPDX-License-Identifier: Apache-2.0
// The audit trail: who did what, and whether the record of it is whole.

import { Alert, Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { ApiProblem } from '@/api/problem';
import { useIsAdmin } from '@/api/session';
import { AnchorLink } from '@/components/links';
import { Page } from '@/components/Page';
import { Pager } from '@/components/Pager';
import { Empty, Failure, Loaded } from '@/components/states';
import { entriesQuery, entryQuery, PAGE_ENTRIES, useVerify } from './data';
import { EntryTable } from './EntryTable';
import { Filters } from './Filters';
import { VerifyButton, VerifyResult } from './Verify';

const route = getRouteApi('/audit');

const FORBIDDEN = new ApiProblem(
  'forbidden',
  403,
  'Only administrators read and verify the audit trail. Ask one of them.',
);

/** The page. */
export default function AuditPage() {
  // Not even asked for: a refused attempt would stand in the trail itself.
  if (useIsAdmin()) return <Trail />;
  return (
    <Page title="Audit">
      <Failure error={FORBIDDEN} />
    </Page>
  );
}

function Trail() {
  const { entry } = route.useSearch();
  const verification = useVerify();
  return (
    <Page
      title="Audit"
      lead="Every change, export and refused attempt. Entries form a chain of hashes."
      actions={<VerifyButton verification={verification} />}
    >
      <VerifyResult verification={verification} />
      {entry ? <OneEntry id={entry} /> : <Entries />}
    </Page>
  );
}

function Entries() {
  const { page, after, entry: _, ...filters } = route.useSearch();
  const navigate = route.useNavigate();
  const entries = useQuery(entriesQuery({ ...filters, after }));
  return (
    <>
      <Filters
        filters={filters}
        onChange={(next) => void navigate({ search: next, replace: true })}
      />
      <Loaded query={entries} lines={12}>
        {(found) =>
          found.items.length === 0 ? (
            <Empty title="No entry matches">
              Change the filters, or{' '}
              <AnchorLink to="/audit" search={{}}>
                show all entries
              </AnchorLink>
              .
            </Empty>
          ) : (
            <Stack gap="sm">
              {entries.error && (
                <Failure error={entries.error} retry={() => void entries.refetch()} />
              )}
              <EntryTable entries={found.items} />
              <Pager
                list={JSON.stringify(['audit', filters])}
                at={{ page, after }}
                items={found.items.length}
                size={PAGE_ENTRIES}
                total={found.total}
                nextCursor={found.next_cursor}
                onGo={(to) => {
                  void navigate({ search: { ...filters, ...to } });
                  window.scrollTo({ top: 0 });
                }}
              />
            </Stack>
          )
        }
      </Loaded>
    </>
  );
}

function OneEntry({ id }: { id: string }) {
  const found = useQuery(entryQuery(id));
  return (
    <Stack gap="sm">
      <Alert color="blue" title={`Entry ${id} and those around it`} className="prose">
        <AnchorLink to="/audit" search={{}} inherit>
          Back to all entries
        </AnchorLink>
      </Alert>
      <Loaded query={found} lines={12}>
        {(entries) =>
          entries.length === 0 ? (
            <Empty title={`There is no entry ${id}`}>
              The number may have been shortened on its way here. Where the trail has lost entries,
              verifying the chain says so.
            </Empty>
          ) : (
            <EntryTable entries={entries} opened={id} />
          )
        }
      </Loaded>
    </Stack>
  );
}
