// SPDX-License-Identifier: Apache-2.0
// Settings.

import { Page } from '@/components/Page';

/** The page. */
export default function SettingsPage() {
  return <Page title="Settings">{null}</Page>;
}
