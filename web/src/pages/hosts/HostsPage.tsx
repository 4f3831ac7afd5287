// SPDX-License-Identifier: Apache-2.0
// The list of hosts.

import { Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useIsAdmin } from '@/api/session';
import { AnchorLink, ButtonLink } from '@/components/links';
import { Page } from '@/components/Page';
import { Pager } from '@/components/Pager';
import { Empty, Failure, Loaded } from '@/components/states';
import { hostsQuery, PAGE_HOSTS } from './data';
import { Filters } from './Filters';
import { HostTable } from './HostTable';

const route = getRouteApi('/hosts');

/** The page. */
export default function HostsPage() {
  const { page, after, sort, order, ...filters } = route.useSearch();
  const navigate = route.useNavigate();
  const hosts = useQuery(hostsQuery({ ...filters, sort, order, after }));
  const isFiltered = Boolean(filters.q || filters.status || filters.platform);
  return (
    <Page title="Hosts" lead="Every machine that has enrolled, and when it was last heard from.">
      <Filters
        filters={filters}
        onChange={(next) => void navigate({ search: { ...next, sort, order }, replace: true })}
      />
      <Loaded query={hosts} lines={12}>
        {(found) =>
          found.items.length === 0 ? (
            <NoHosts filtered={isFiltered || page !== undefined} />
          ) : (
            <Stack gap="sm">
              {hosts.error && <Failure error={hosts.error} retry={() => void hosts.refetch()} />}
              <HostTable
                hosts={found.items}
                order={{ sort, order }}
                onOrder={(next) => void navigate({ search: { ...filters, ...next } })}
              />
              <Pager
                list={JSON.stringify(['hosts', filters, sort, order])}
                at={{ page, after }}
                items={found.items.length}
                size={PAGE_HOSTS}
                total={found.total}
                nextCursor={found.next_cursor}
                onGo={(to) => {
                  void navigate({ search: { ...filters, sort, order, ...to } });
                  window.scrollTo({ top: 0 });
                }}
              />
            </Stack>
          )
        }
      </Loaded>
    </Page>
  );
}

function NoHosts({ filtered }: { filtered: boolean }) {
  const isAdmin = useIsAdmin();
  if (filtered) {
    return (
      <Empty title="No host matches">
        Change the filters, or{' '}
        <AnchorLink to="/hosts" search={{}}>
          show all hosts
        </AnchorLink>
        .
      </Empty>
    );
  }
  return (
    <Empty title="No hosts yet">
      <Stack align="center" gap="md">
        <span>
          A host appears here when its agent, osqueryd or mimir-agent, has enrolled with a secret of
          this server.
          {!isAdmin && ' An administrator can make the kit that an agent needs.'}
        </span>
        {isAdmin && (
          <ButtonLink to="/settings/{-$section}" params={{ section: 'enrolment' }}>
            Enrol hosts
          </ButtonLink>
        )}
      </Stack>
    </Empty>
  );
}
