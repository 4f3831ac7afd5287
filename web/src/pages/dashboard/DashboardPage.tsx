// SPDX-License-Identifier: Apache-2.0
// The dashboard.

import { Page } from '@/components/Page';

/** The page. */
export default function DashboardPage() {
  return <Page title="Dashboard">{null}</Page>;
}
