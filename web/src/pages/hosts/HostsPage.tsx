// SPDX-License-Identifier: Apache-2.0
// The list of hosts.

import { Page } from '@/components/Page';

/** The page. */
export default function HostsPage() {
  return <Page title="Hosts">{null}</Page>;
}
