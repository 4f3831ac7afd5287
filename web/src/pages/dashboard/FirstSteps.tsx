// SPDX-License-Identifier: Apache-2.0
// What to do on a new server: three steps, ticked off as they are done.

import { Group, Stack, Text, ThemeIcon, Title } from '@mantine/core';
import { IconCheck } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { useIsAdmin } from '@/api/session';
import { Section } from '@/components/Facts';
import { ButtonLink } from '@/components/links';

/** What is done. */
export interface Progress {
  hasHosts: boolean;
  isEnabled: boolean;
  hasCampaigns: boolean;
}

/** The steps; those of an administrator have their button for one only. */
export function FirstSteps({ hasHosts, isEnabled, hasCampaigns }: Progress) {
  const isAdmin = useIsAdmin();
  return (
    <Section title="First steps">
      <Stack gap="lg" component="ol" p={0} m={0} style={{ listStyle: 'none' }}>
        <Step
          number={1}
          title="Enrol hosts"
          done={hasHosts}
          action={
            isAdmin && (
              <ButtonLink
                to="/settings/{-$section}"
                params={{ section: 'enrolment' }}
                variant={hasHosts ? 'default' : 'filled'}
              >
                Get an enrolment kit
              </ButtonLink>
            )
          }
        >
          A kit holds all that osqueryd or mimir-agent needs to find this server. Hosts appear by
          themselves once their agent starts.
        </Step>
        <Step
          number={2}
          title="Enable campaigns"
          done={isEnabled}
          action={
            !isEnabled && (
              <ButtonLink to="/campaigns" variant={hasHosts ? 'filled' : 'default'}>
                Enable campaigns
              </ButtonLink>
            )
          }
        >
          A campaign is written down for every host, online or not, and waits for those that are
          away. An administrator turns campaigns on for everybody.
        </Step>
        <Step
          number={3}
          title="Ask a question"
          done={hasCampaigns}
          action={
            <ButtonLink to="/queries" variant={hasHosts && isEnabled ? 'filled' : 'default'}>
              Write a query
            </ButtonLink>
          }
        >
          Run it on the hosts that are online now, or launch it as a campaign and see who has
          answered, who has not, and why.
        </Step>
      </Stack>
      {!isAdmin && (
        <Text size="sm" c="dimmed" mt="md">
          These steps are an administrator’s. You see here what comes of them.
        </Text>
      )}
    </Section>
  );
}

function Step({
  number,
  title,
  done,
  action,
  children,
}: {
  number: number;
  title: string;
  done: boolean;
  action?: ReactNode;
  children: ReactNode;
}) {
  return (
    <Group component="li" wrap="nowrap" align="flex-start" gap="md">
      <ThemeIcon
        size={32}
        radius="xl"
        variant={done ? 'filled' : 'light'}
        color={done ? 'green.8' : 'blue'}
        role="img"
        aria-label={done ? `Step ${number}, done` : `Step ${number}`}
      >
        {done ? <IconCheck size={18} /> : number}
      </ThemeIcon>
      <Group justify="space-between" align="flex-start" gap="sm" flex={1} miw={0}>
        <Stack gap={2} maw={640} flex="1 1 280px">
          <Title order={3} size="h5">
            {title}
          </Title>
          <Text size="sm" c="dimmed">
            {children}
          </Text>
        </Stack>
        {action}
      </Group>
    </Group>
  );
}
