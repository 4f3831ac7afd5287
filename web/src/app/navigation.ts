// SPDX-License-Identifier: Apache-2.0
// The pages of the navigation, in its order. What is not built is absent.

import {
  IconDeviceDesktop,
  IconFileCertificate,
  IconGauge,
  type IconProps,
  IconSettings,
  IconTarget,
  IconTerminal2,
} from '@tabler/icons-react';
import type { ComponentType } from 'react';
import type { User } from '@/api/schema';

/** One entry. */
export interface NavigationEntry {
  to: '/' | '/hosts' | '/queries' | '/campaigns' | '/audit' | '/settings';
  label: string;
  icon: ComponentType<IconProps>;
}

/** What this user may open. */
export function navigation(user: User): NavigationEntry[] {
  const all: (NavigationEntry & { admin?: true })[] = [
    { to: '/', label: 'Dashboard', icon: IconGauge },
    { to: '/hosts', label: 'Hosts', icon: IconDeviceDesktop },
    { to: '/queries', label: 'Queries', icon: IconTerminal2 },
    { to: '/campaigns', label: 'Campaigns', icon: IconTarget },
    { to: '/audit', label: 'Audit', icon: IconFileCertificate, admin: true },
    { to: '/settings', label: 'Settings', icon: IconSettings },
  ];
  return all.filter((entry) => !entry.admin || user.role === 'admin');
}
