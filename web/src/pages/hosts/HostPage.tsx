// SPDX-License-Identifier: Apache-2.0
// One host.

import { Page } from '@/components/Page';

/** The page. */
export default function HostPage() {
  return <Page title="Host">{null}</Page>;
}
