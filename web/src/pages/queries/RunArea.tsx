// SPDX-License-Identifier: Apache-2.0
// How it is asked: live now, or as a campaign that waits for those who are away.

import { Alert, Checkbox, Group, Kbd, Stack, Text, Tooltip } from '@mantine/core';
import { IconPlayerPlay, IconTarget } from '@tabler/icons-react';
import { GuardedButton } from '@/components/Guarded';
import { ActionRefusal } from '@/components/launch/ActionRefusal';
import { LaunchFields } from '@/components/launch/LaunchFields';
import { AnchorLink } from '@/components/links';
import type { useSubmit } from './useSubmit';
import { ENABLE_CAMPAIGNS } from './words';

const isMac = /Mac|iPhone|iPad/.test(navigator.platform);

/** Looks like other controls that cannot be used. */
const BARRED = {
  label: { cursor: 'not-allowed', color: 'var(--mantine-color-dimmed)' },
  input: { cursor: 'not-allowed', background: 'var(--mantine-color-disabled)' },
};

/** The tick, the fields that it brings, and the button. */
export function RunArea({ run }: { run: ReturnType<typeof useSubmit> }) {
  const { isCampaign, refusal, barred } = run;
  return (
    <Stack gap="sm">
      <Tick run={run} />
      {run.isTickLost && <Text size="sm">{ENABLE_CAMPAIGNS}</Text>}
      {refusal.tick && (
        <Alert color="yellow" role="alert">
          {refusal.tick}{' '}
          <AnchorLink to="/campaigns" underline="always" inherit>
            To the Campaigns page
          </AnchorLink>
        </Alert>
      )}
      {isCampaign && (
        <LaunchFields
          options={run.options}
          onChange={run.setOptions}
          errors={{ window: refusal.window, name: refusal.name }}
        />
      )}
      <Group gap="sm">
        <GuardedButton
          barred={barred}
          loading={run.isPending}
          leftSection={
            isCampaign ? (
              <IconTarget size={16} aria-hidden />
            ) : (
              <IconPlayerPlay size={16} aria-hidden />
            )
          }
          onClick={run.submit}
        >
          {isCampaign ? 'Launch as campaign' : 'Run query'}
        </GuardedButton>
        <Text size="xs" c="dimmed" visibleFrom="sm">
          <Kbd size="xs">{isMac ? '⌘' : 'Ctrl'}</Kbd> <Kbd size="xs">Enter</Kbd>
        </Text>
        <Text size="xs" c="dimmed" flex={1} miw={200}>
          {isCampaign
            ? 'Every targeted host is asked; those that are away answer when they come back.'
            : 'Asks the hosts that are online now. Results are not kept.'}
        </Text>
      </Group>
      <ActionRefusal problem={refusal.action} />
    </Stack>
  );
}

function Tick({ run }: { run: ReturnType<typeof useSubmit> }) {
  const barred = run.tickBarred;
  return (
    <Tooltip
      label={barred}
      disabled={!barred}
      refProp="rootRef"
      events={{ hover: true, focus: true, touch: true }}
      position="top-start"
    >
      {/* Barred it stays focusable, or the keyboard would never learn why. */}
      <Checkbox
        w="fit-content"
        label="Launch as campaign (offline-tolerant)"
        checked={run.isCampaign}
        aria-disabled={barred ? true : undefined}
        data-disabled={barred ? true : undefined}
        styles={barred ? BARRED : undefined}
        onChange={(event) => !barred && run.setCampaign(event.currentTarget.checked)}
      />
    </Tooltip>
  );
}
