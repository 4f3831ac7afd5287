// SPDX-License-Identifier: Apache-2.0
// One campaign. Is it done? What is outstanding? What did it find? What was it looking for?

import { Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { asProblem } from '@/api/problem';
import type { Campaign } from '@/api/schema';
import { AnchorLink } from '@/components/links';
import { Page } from '@/components/Page';
import { Empty, Failure, Loading } from '@/components/states';
import { CoverageCard } from './CoverageCard';
import classes from './campaign.module.css';
import { campaignQuery } from './data';
import { FrozenCard } from './FrozenCard';
import { BackLink, CampaignFrame } from './Header';
import { HostDrawer } from './HostDrawer';
import { LedgerCard } from './LedgerCard';
import { useCampaignEvents } from './live';
import { PendingCard } from './PendingCard';
import { ResponsesCard } from './ResponsesCard';
import { ResultsCard } from './ResultsCard';
import { useCampaignId, useCampaignSearch } from './useCampaignSearch';
import { Warnings } from './Warnings';

/** The page. */
export default function CampaignPage() {
  const id = useCampaignId();
  const campaign = useQuery(campaignQuery(id));
  const refused = useCampaignEvents(id, campaign.data !== undefined);
  if (!campaign.data) {
    return (
      <Stack gap={4}>
        <BackLink />
        <NotLoaded error={campaign.error} retry={() => void campaign.refetch()} />
      </Stack>
    );
  }
  return (
    <CampaignFrame campaign={campaign.data}>
      {refused && <Failure error={refused} />}
      <Cards campaign={campaign.data} key={id} />
    </CampaignFrame>
  );
}

function Cards({ campaign }: { campaign: Campaign }) {
  const [{ ledger }] = useCampaignSearch();
  return (
    <>
      <Warnings campaign={campaign} />
      <CoverageCard campaign={campaign} />
      {ledger && <LedgerCard campaign={campaign} />}
      <div className={classes.lists}>
        <PendingCard campaign={campaign} />
        <ResponsesCard campaign={campaign} />
      </div>
      <ResultsCard campaign={campaign} />
      <FrozenCard campaign={campaign} />
      <HostDrawer campaign={campaign} />
    </>
  );
}

function NotLoaded({ error, retry }: { error: unknown; retry: () => void }) {
  if (!error) {
    return (
      <Page title="Campaign">
        <Loading lines={12} />
      </Page>
    );
  }
  const problem = asProblem(error);
  // An id that is no id is as unknown as one that nobody has.
  const unknown = problem.code === 'not_found' || problem.code === 'invalid_request';
  if (!unknown) {
    return (
      <Page title="Campaign">
        <Failure error={error} retry={retry} />
      </Page>
    );
  }
  return (
    <Page title="No such campaign">
      <Empty title="There is no campaign at this address">
        Its address may have been shortened on its way here.{' '}
        <AnchorLink to="/campaigns">See all campaigns</AnchorLink>
      </Empty>
    </Page>
  );
}
