// SPDX-License-Identifier: Apache-2.0
// Whom a target names, in words.

import type { Target } from '@/api/schema';
import { counted } from '@/lib/format';

/** `Fleet`, `3 hosts`, `linux, darwin`. */
export function targetWords(target: Target): string {
  if (target.type === 'all') return 'Fleet';
  if (target.type === 'hosts') return counted(target.host_ids.length, 'host');
  return target.platforms.join(', ');
}
