// SPDX-License-Identifier: Apache-2.0
// osquery's platforms by the names that people use.

import type { Platform } from '@/api/schema';

const WORDS: Record<Platform, string> = { linux: 'Linux', darwin: 'macOS', windows: 'Windows' };

/** `darwin` → `macOS`; a platform that osquery has no tables for is `other`. */
export function platformWord(platform: Platform | null): string {
  return platform ? WORDS[platform] : 'other';
}
