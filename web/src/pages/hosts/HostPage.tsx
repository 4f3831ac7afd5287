// SPDX-License-Identifier: Apache-2.0
// One host: how it is, what it is, what it was asked.

import { Alert, Stack } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { asProblem } from '@/api/problem';
import type { Host } from '@/api/schema';
import { useIsAdmin } from '@/api/session';
import { Section } from '@/components/Facts';
import { ADMIN_ONLY, GuardedButton } from '@/components/Guarded';
import { AnchorLink, ButtonLink } from '@/components/links';
import { Moment } from '@/components/Moment';
import { Page } from '@/components/Page';
import { Empty, Loaded } from '@/components/states';
import { excerpt } from '@/lib/untrusted';
import { Decommission } from './Decommission';
import { hostQuery } from './data';
import { HostCampaigns } from './HostCampaigns';
import { HostFacts } from './HostFacts';

const route = getRouteApi('/hosts/$hostId');

/** The page. */
export default function HostPage() {
  const { hostId } = route.useParams();
  const query = useQuery(hostQuery(hostId));
  const host = query.data;
  if (query.error && asProblem(query.error).status === 404) {
    return (
      <Page title="Host">
        <Empty title="There is no such host">
          Its address may have been shortened on its way here.{' '}
          <AnchorLink to="/hosts">All hosts</AnchorLink>
        </Empty>
      </Page>
    );
  }
  return (
    <Page
      title={host ? excerpt(host.hostname || host.id, 80).text : 'Host'}
      lead={<AnchorLink to="/hosts">All hosts</AnchorLink>}
      actions={host && <Actions host={host} />}
    >
      <Loaded query={query} lines={8}>
        {(host) => (
          <Stack gap="md">
            <Warnings host={host} />
            <HostFacts host={host} />
            <Section title="Campaigns">
              <HostCampaigns hostId={host.id} />
            </Section>
          </Stack>
        )}
      </Loaded>
    </Page>
  );
}

function Actions({ host }: { host: Host }) {
  return (
    <>
      {host.status !== 'decommissioned' && <RunQuery host={host} />}
      <Decommission host={host} />
    </>
  );
}

function RunQuery({ host }: { host: Host }) {
  const label = 'Run a query';
  if (!useIsAdmin()) return <GuardedButton barred={ADMIN_ONLY}>{label}</GuardedButton>;
  return (
    <ButtonLink to="/queries" search={{ target: `hosts:${host.id}` }}>
      {label}
    </ButtonLink>
  );
}

function Warnings({ host }: { host: Host }) {
  return (
    <>
      {host.status === 'decommissioned' && (
        <Alert color="gray" title="This host is decommissioned">
          It was cut off <Moment at={host.decommissioned_at} />. Nothing is asked of it any more;
          what it answered before stays.
        </Alert>
      )}
      {host.clone_seen_at && (
        <Alert color="yellow" icon={<IconAlertTriangle />} title="Two machines used its key">
          Last seen <Moment at={host.clone_seen_at} />. A disk image with an enrolled agent was
          probably copied. Remove the agent’s state on the copy, so that it enrols as a host of its
          own.
        </Alert>
      )}
    </>
  );
}
