// SPDX-License-Identifier: Apache-2.0
// Settings: one section at a time, named by the address.

import { Group } from '@mantine/core';
import { getRouteApi } from '@tanstack/react-router';
import { NotFound } from '@/app/NotFound';
import { ButtonLink } from '@/components/links';
import { Page } from '@/components/Page';
import { DenyListSection } from './deny/DenyListSection';
import { EnrolmentSection } from './enrolment/EnrolmentSection';
import { GeneralSection } from './general/GeneralSection';
import { ApiKeysSection } from './keys/ApiKeysSection';
import { SECTIONS, type SectionName, sectionOf } from './sections';
import { UsersSection } from './users/UsersSection';

const route = getRouteApi('/settings/{-$section}');

const CONTENT: Record<SectionName, () => React.ReactNode> = {
  general: GeneralSection,
  'deny-list': DenyListSection,
  users: UsersSection,
  'api-keys': ApiKeysSection,
  enrolment: EnrolmentSection,
};

/** The page. */
export default function SettingsPage() {
  const section = sectionOf(route.useParams().section);
  if (!section) return <NotFound />;
  const Content = CONTENT[section];
  return (
    <Page title="Settings">
      <Group component="nav" aria-label="Sections of the settings" gap={4}>
        {SECTIONS.map(({ section: to, label }) => (
          <ButtonLink
            key={to}
            to="/settings/{-$section}"
            params={{ section: to }}
            size="sm"
            px="sm"
            variant={to === section ? 'light' : 'subtle'}
            color={to === section ? undefined : 'gray'}
            c={to === section ? undefined : 'var(--mantine-color-text)'}
            aria-current={to === section ? 'page' : undefined}
          >
            {label}
          </ButtonLink>
        ))}
      </Group>
      <Content />
    </Page>
  );
}
