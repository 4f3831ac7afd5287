// SPDX-License-Identifier: Apache-2.0
// What else can be done to a campaign: hiding it, showing it again, dropping its rows.

import { ActionIcon, Menu, Text, Tooltip } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconArchive, IconArchiveOff, IconDots, IconTrash } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import type { Campaign } from '@/api/schema';
import { useIsAdmin } from '@/api/session';
import { ADMIN_ONLY } from '@/components/Guarded';
import { notifyDone, notifyProblem } from '@/lib/notify';
import { type Change, useChange } from './change';
import { DropRowsModal } from './DropRowsModal';

/** The menu behind the three dots. */
export function CampaignMenu({ campaign }: { campaign: Campaign }) {
  const isAdmin = useIsAdmin();
  const [dropping, { open, close }] = useDisclosure(false);
  const change = useChange(campaign.id);
  const active = campaign.status === 'active';
  const barred = isAdmin ? active && 'Stop the campaign first.' : ADMIN_ONLY;
  const run = (change_: Change, done: string) =>
    change.mutate(change_, {
      onSuccess: () => notifyDone(done),
      onError: (error) => notifyProblem(error),
    });
  return (
    <>
      <Menu position="bottom-end" width={280} withInitialFocusPlaceholder={false}>
        <Menu.Target>
          <ActionIcon
            variant="default"
            size={36}
            aria-label="More actions"
            loading={change.isPending}
          >
            <IconDots size={18} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {campaign.status === 'archived' ? (
            <Item
              icon={<IconArchiveOff size={16} />}
              barred={barred}
              onClick={() => run({ action: 'unarchive' }, 'The campaign is back in the list.')}
            >
              Unarchive
            </Item>
          ) : (
            <Item
              icon={<IconArchive size={16} />}
              barred={barred}
              onClick={() =>
                run({ action: 'archive' }, 'The campaign is archived: the list hides it.')
              }
            >
              Archive
            </Item>
          )}
          <Item
            icon={<IconTrash size={16} />}
            color="red"
            barred={barred || (campaign.rows_dropped && 'The rows are dropped already.')}
            onClick={open}
          >
            Drop rows…
          </Item>
        </Menu.Dropdown>
      </Menu>
      <DropRowsModal campaign={campaign} opened={dropping} onClose={close} />
    </>
  );
}

/** An entry; a barred one can be reached by keyboard and says why it does nothing. */
function Item({
  icon,
  barred,
  color,
  onClick,
  children,
}: {
  icon: ReactNode;
  barred: string | false;
  color?: string;
  onClick: () => void;
  children: ReactNode;
}) {
  return (
    <Tooltip label={barred} disabled={!barred} position="left">
      <Menu.Item
        leftSection={icon}
        color={barred ? undefined : color}
        aria-disabled={barred ? true : undefined}
        closeMenuOnClick={!barred}
        c={barred ? 'dimmed' : undefined}
        onClick={barred ? undefined : onClick}
      >
        {children}
        {barred && (
          <Text size="xs" c="dimmed">
            {barred}
          </Text>
        )}
      </Menu.Item>
    </Tooltip>
  );
}
