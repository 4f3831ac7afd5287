// SPDX-License-Identifier: Apache-2.0
// The sections of the settings, by the word in their address.

/** In the order of the navigation. */
export const SECTIONS = [
  { section: 'general', label: 'General' },
  { section: 'deny-list', label: 'Deny-list' },
  { section: 'users', label: 'Users' },
  { section: 'api-keys', label: 'API keys' },
  { section: 'enrolment', label: 'Enrolment' },
] as const;

/** One of them. */
export type SectionName = (typeof SECTIONS)[number]['section'];

/** Reads the word; General without one, `undefined` for an unknown one. */
export function sectionOf(word: string | undefined): SectionName | undefined {
  if (!word) return 'general';
  return SECTIONS.find(({ section }) => section === word)?.section;
}
