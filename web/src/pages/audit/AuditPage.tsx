// SPDX-License-Identifier: Apache-2.0
// The audit trail.

import { Page } from '@/components/Page';

/** The page. */
export default function AuditPage() {
  return <Page title="Audit">{null}</Page>;
}
