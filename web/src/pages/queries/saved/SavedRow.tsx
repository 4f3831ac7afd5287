// SPDX-License-Identifier: Apache-2.0
// One saved query in the rail, and its menu.

import { ActionIcon, Box, Group, Menu, Text, Tooltip, UnstyledButton } from '@mantine/core';
import {
  IconDots,
  IconHistory,
  IconPencil,
  IconPlayerPlay,
  type IconProps,
  IconTarget,
  IconTerminal2,
  IconTrash,
} from '@tabler/icons-react';
import type { ComponentType } from 'react';
import type { SavedQuery } from '@/api/schema';
import { useIsAdmin } from '@/api/session';
import { Untrusted } from '@/components/Untrusted';
import { firstLine, RUN_ADMIN_ONLY, SAVE_ADMIN_ONLY } from '../words';
import type { SavedAction, SavedVerb } from './actions';
import classes from './saved.module.css';

interface Entry {
  verb: SavedVerb;
  label: string;
  icon: ComponentType<IconProps>;
  /** Why an operator may not. */
  adminOnly?: string;
  color?: string;
}

const ENTRIES: readonly Entry[] = [
  { verb: 'open', label: 'Open', icon: IconTerminal2 },
  { verb: 'run', label: 'Run', icon: IconPlayerPlay, adminOnly: RUN_ADMIN_ONLY },
  { verb: 'launch', label: 'Launch as campaign', icon: IconTarget, adminOnly: RUN_ADMIN_ONLY },
  { verb: 'edit', label: 'Edit', icon: IconPencil, adminOnly: SAVE_ADMIN_ONLY },
  { verb: 'versions', label: 'Versions', icon: IconHistory },
  {
    verb: 'delete',
    label: 'Delete',
    icon: IconTrash,
    adminOnly: SAVE_ADMIN_ONLY,
    color: 'var(--mantine-color-error)',
  },
];

/** A click on its name opens it. */
export function SavedRow({
  query,
  isOpen,
  onAction,
}: {
  query: SavedQuery;
  isOpen: boolean;
  onAction: SavedAction;
}) {
  return (
    <Box component="li" className={classes.row} data-open={isOpen || undefined}>
      <Group gap={0} wrap="nowrap">
        <UnstyledButton
          className={classes.name}
          aria-current={isOpen ? 'true' : undefined}
          onClick={() => onAction('open', query)}
        >
          <Text size="sm" fw={isOpen ? 600 : 500} truncate>
            <Untrusted text={query.name} max={80} />
          </Text>
          <Text size="xs" c="dimmed" truncate>
            <Untrusted text={query.description || firstLine(query.sql)} max={120} />
          </Text>
        </UnstyledButton>
        <RowMenu query={query} onAction={onAction} />
      </Group>
    </Box>
  );
}

function RowMenu({ query, onAction }: { query: SavedQuery; onAction: SavedAction }) {
  const isAdmin = useIsAdmin();
  return (
    <Menu position="bottom-end" width={210} withinPortal withInitialFocusPlaceholder={false}>
      <Menu.Target>
        <ActionIcon
          variant="subtle"
          color="gray"
          aria-label={`Actions for ${query.name.slice(0, 80)}`}
        >
          <IconDots size={16} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {ENTRIES.map(({ verb, label, icon: Icon, adminOnly, color }) => {
          const barred = isAdmin ? undefined : adminOnly;
          return (
            <Tooltip
              key={verb}
              label={barred}
              disabled={!barred}
              position="left"
              events={{ hover: true, focus: true, touch: true }}
            >
              <Menu.Item
                leftSection={<Icon size={16} aria-hidden />}
                c={barred ? undefined : color}
                aria-disabled={barred ? true : undefined}
                data-disabled={barred ? true : undefined}
                closeMenuOnClick={!barred}
                onClick={() => !barred && onAction(verb, query)}
              >
                {label}
              </Menu.Item>
            </Tooltip>
          );
        })}
      </Menu.Dropdown>
    </Menu>
  );
}
