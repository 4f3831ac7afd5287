// SPDX-License-Identifier: Apache-2.0
// One campaign.

import { Page } from '@/components/Page';

/** The page. */
export default function CampaignPage() {
  return <Page title="Campaign">{null}</Page>;
}
