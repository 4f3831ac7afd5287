// SPDX-License-Identifier: Apache-2.0
// The list of campaigns.

import { Page } from '@/components/Page';

/** The page. */
export default function CampaignsPage() {
  return <Page title="Campaigns">{null}</Page>;
}
