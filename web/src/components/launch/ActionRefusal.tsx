// SPDX-License-Identifier: Apache-2.0
// A refusal that belongs to the button itself: no right, no slot, no answer.

import { Alert, List, Stack, Text } from '@mantine/core';
import type { ApiProblem } from '@/api/problem';
import { AnchorLink } from '@/components/links';
import { Moment } from '@/components/Moment';
import { Untrusted } from '@/components/Untrusted';
import { count } from '@/lib/format';
import { fullSlots } from './refusal';

const TITLES: Partial<Record<ApiProblem['code'], string>> = {
  forbidden: 'You may not do this',
  capability_required: 'You may not do this',
  max_concurrent_hunts_reached: 'All slots are taken',
  offline: 'No answer',
  unavailable: 'Not now',
  rate_limited: 'Too many requests',
};

/** What was refused, in the server's words, and what helps. */
export function ActionRefusal({ problem }: { problem: ApiProblem | undefined }) {
  if (!problem) return null;
  const color = problem.status === 403 || problem.status === 409 ? 'yellow' : 'red';
  return (
    <Alert role="alert" color={color} title={TITLES[problem.code] ?? 'This was refused'} maw={720}>
      <Stack gap="xs">
        <Text size="sm">{problem.detail}</Text>
        {problem.code === 'max_concurrent_hunts_reached' && <Slots problem={problem} />}
      </Stack>
    </Alert>
  );
}

function Slots({ problem }: { problem: ApiProblem }) {
  const { limit, active, nextSlotAt } = fullSlots(problem);
  return (
    <>
      <Text size="sm">
        {limit !== undefined && `The limit is ${count(limit)} at once. `}
        {nextSlotAt && (
          <>
            The next slot frees <Moment at={nextSlotAt} />.
          </>
        )}
      </Text>
      {active.length > 0 && (
        <List size="sm" aria-label="Campaigns that hold a slot">
          {active.map(({ id, name, live_until }) => (
            <List.Item key={id}>
              <AnchorLink
                to="/campaigns/$campaignId"
                params={{ campaignId: id }}
                inherit
                underline="always"
              >
                <Untrusted text={name} max={80} />
              </AnchorLink>
              , live window closes <Moment at={live_until} />
            </List.Item>
          ))}
        </List>
      )}
    </>
  );
}
