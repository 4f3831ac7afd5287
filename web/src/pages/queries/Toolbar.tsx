// SPDX-License-Identifier: Apache-2.0
// What the editor holds, and what can be done with the text as a text.

import { ActionIcon, Badge, Group, Text, Title, Tooltip } from '@mantine/core';
import { IconLayoutSidebar, IconLayoutSidebarRight } from '@tabler/icons-react';
import type { SavedQuery } from '@/api/schema';
import { useIsAdmin } from '@/api/session';
import { GuardedButton } from '@/components/Guarded';
import { Untrusted } from '@/components/Untrusted';
import { HistoryMenu } from './HistoryMenu';
import type { Remembered } from './storage';
import { SAVE_ADMIN_ONLY } from './words';

/** What the toolbar is given. */
export interface ToolbarProps {
  saved: SavedQuery | undefined;
  isDirty: boolean;
  isEmpty: boolean;
  isSaving: boolean;
  /** Brings a side panel that is away; nothing while it is there. */
  onShowSaved: (() => void) | undefined;
  onShowTables: (() => void) | undefined;
  onSave: () => void;
  onSaveAs: () => void;
  onFormat: () => void;
  onPick: (item: Remembered) => void;
}

/** The line above the editor. */
export function Toolbar(props: ToolbarProps) {
  const { saved, isDirty, isEmpty } = props;
  const isAdmin = useIsAdmin();
  const barred = !isAdmin ? SAVE_ADMIN_ONLY : isEmpty ? 'Write a query first.' : undefined;
  const unchanged = saved && !isDirty ? 'Nothing has changed since it was saved.' : undefined;
  return (
    <Group justify="space-between" gap="xs">
      <Group gap="xs" wrap="nowrap" miw={0}>
        {props.onShowSaved && (
          <Tooltip label="Saved queries">
            <ActionIcon
              variant="default"
              aria-label="Show saved queries"
              onClick={props.onShowSaved}
            >
              <IconLayoutSidebar size={16} />
            </ActionIcon>
          </Tooltip>
        )}
        <Title order={2} size="h5" lineClamp={1}>
          {saved ? <Untrusted text={saved.name} max={80} /> : 'New query'}
        </Title>
        {saved && (
          <Text size="xs" c="dimmed" style={{ whiteSpace: 'nowrap' }}>
            version {saved.version}
          </Text>
        )}
        {isDirty && (
          <Badge variant="light" color="orange" tt="none" style={{ flex: 'none' }}>
            unsaved changes
          </Badge>
        )}
      </Group>
      <Group gap="xs">
        {saved && (
          <GuardedButton
            size="xs"
            variant="default"
            barred={barred ?? unchanged}
            loading={props.isSaving}
            onClick={props.onSave}
          >
            Save
          </GuardedButton>
        )}
        <GuardedButton size="xs" variant="default" barred={barred} onClick={props.onSaveAs}>
          {saved ? 'Save as…' : 'Save…'}
        </GuardedButton>
        <GuardedButton
          size="xs"
          variant="default"
          barred={isEmpty ? 'Write a query first.' : undefined}
          onClick={props.onFormat}
        >
          Format
        </GuardedButton>
        <HistoryMenu onPick={props.onPick} />
        {props.onShowTables && (
          <Tooltip label="Tables">
            <ActionIcon variant="default" aria-label="Show tables" onClick={props.onShowTables}>
              <IconLayoutSidebarRight size={16} />
            </ActionIcon>
          </Tooltip>
        )}
      </Group>
    </Group>
  );
}
