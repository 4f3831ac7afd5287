// SPDX-License-Identifier: Apache-2.0
// Queries.

import { Page } from '@/components/Page';

/** The page. */
export default function QueriesPage() {
  return <Page title="Queries">{null}</Page>;
}
