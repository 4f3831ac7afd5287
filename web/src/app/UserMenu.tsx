// SPDX-License-Identifier: Apache-2.0
// Who is signed in, changing the password, signing out.

import { ActionIcon, Menu, Modal, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconKey, IconLogout, IconUser } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { http, unwrap } from '@/api/client';
import { beginSession, useUser } from '@/api/session';
import { notifyDone, notifyProblem } from '@/lib/notify';
import { PasswordForm } from '@/pages/session/ChangePassword';

/** Ends the session and forgets everything that was read. */
export function useSignOut(): () => Promise<void> {
  const client = useQueryClient();
  return async () => {
    try {
      await unwrap(http.POST('/auth/logout'));
    } catch (error) {
      notifyProblem(error, 'You are still signed in');
      return;
    }
    beginSession(client, null);
  };
}

/** The menu at the right end of the header. */
export function UserMenu() {
  const user = useUser();
  const signOut = useSignOut();
  const [changing, { open, close }] = useDisclosure(false);
  return (
    <>
      <Menu position="bottom-end" width={240}>
        <Menu.Target>
          <ActionIcon variant="default" size="lg" aria-label={`Account of ${user.username}`}>
            <IconUser size={18} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>
            <Text size="sm" truncate>
              {user.username}
            </Text>
            <Text size="xs" c="dimmed">
              {user.role}
            </Text>
          </Menu.Label>
          <Menu.Divider />
          <Menu.Item leftSection={<IconKey size={16} />} onClick={open}>
            Change password
          </Menu.Item>
          <Menu.Item leftSection={<IconLogout size={16} />} onClick={() => void signOut()}>
            Sign out
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Modal opened={changing} onClose={close} title="Change password">
        <PasswordForm
          onDone={() => {
            close();
            notifyDone('Your password is changed. Other sessions of yours were ended.');
          }}
        />
      </Modal>
    </>
  );
}
