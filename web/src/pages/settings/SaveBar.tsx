// SPDX-License-Identifier: Apache-2.0
// Saving and discarding edited settings, and a question before they are lost.

import { Alert, Button, Group, Modal, Paper, Stack, Text } from '@mantine/core';
import { useBlocker } from '@tanstack/react-router';
import { counted } from '@/lib/format';
import type { SettingsDraft } from './data';

/** Stands at the lower edge while there are changes. */
export function SaveBar({ draft }: { draft: SettingsDraft }) {
  const { changes } = draft;
  if (changes === 0) return null;
  return (
    <Paper
      withBorder
      shadow="md"
      p="sm"
      pos="sticky"
      bottom={12}
      style={{ zIndex: 3 }}
      component="section"
      aria-label="Changes"
    >
      <Stack gap="xs">
        {draft.problem && (
          <Alert color="red" role="alert" title="Nothing was changed">
            {draft.problem.detail}
          </Alert>
        )}
        <Group justify="space-between">
          <Text size="sm" role="status">
            {counted(changes, 'change')} not saved
          </Text>
          <Group gap="xs">
            <Button variant="default" onClick={draft.discard}>
              Discard
            </Button>
            <Button loading={draft.isSaving} disabled={draft.isWrong} onClick={draft.save}>
              Save changes
            </Button>
          </Group>
        </Group>
      </Stack>
    </Paper>
  );
}

/** Asks before a page with changes is left. */
export function LeaveGuard({ draft }: { draft: SettingsDraft }) {
  const blocker = useBlocker({
    shouldBlockFn: ({ current, next }) => draft.changes > 0 && current.pathname !== next.pathname,
    enableBeforeUnload: () => draft.changes > 0,
    withResolver: true,
  });
  return (
    <Modal
      opened={blocker.status === 'blocked'}
      onClose={() => blocker.reset?.()}
      title="Leave without saving?"
    >
      <Stack gap="md">
        <Text size="sm">{counted(draft.changes, 'change')} would be lost.</Text>
        <Group justify="flex-end">
          <Button variant="default" onClick={() => blocker.reset?.()} data-autofocus>
            Stay
          </Button>
          <Button color="red" onClick={() => blocker.proceed?.()}>
            Leave
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
