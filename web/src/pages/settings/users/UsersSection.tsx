// SPDX-License-Identifier: Apache-2.0
// Accounts of people.

import { Button, Stack, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconUserPlus } from '@tabler/icons-react';
import { useState } from 'react';
import type { User } from '@/api/schema';
import { Section } from '@/components/Facts';
import { Failure, Loading } from '@/components/states';
import { MoreButton } from '../MoreButton';
import { AdminSection } from '../ReadOnly';
import { CreateUser } from './CreateUser';
import { useUsers } from './data';
import { EditUser } from './EditUser';
import { ResetPassword } from './ResetPassword';
import { UserTable } from './UserTable';

/** The section. */
export function UsersSection() {
  return (
    <AdminSection what="accounts">
      <Users />
    </AdminSection>
  );
}

function Users() {
  const users = useUsers();
  const [creating, { open, close }] = useDisclosure(false);
  const [edited, setEdited] = useState<User>();
  const [reset, setReset] = useState<User>();
  return (
    <Section
      title="Users"
      actions={
        <Button size="sm" leftSection={<IconUserPlus size={18} />} onClick={open}>
          Create user
        </Button>
      }
    >
      <Stack gap="sm">
        <Text size="sm" c="dimmed">
          Accounts are never deleted, so that the audit trail keeps its names; disable those that
          are not needed any more.
        </Text>
        {users.error && <Failure error={users.error} retry={() => void users.refetch()} />}
        {users.data ? (
          <UserTable
            users={users.data.pages.flatMap((page) => page.items)}
            onEdit={setEdited}
            onReset={setReset}
          />
        ) : (
          !users.error && <Loading lines={4} />
        )}
        <MoreButton query={users} />
      </Stack>
      <CreateUser opened={creating} onClose={close} />
      <EditUser user={edited} onClose={() => setEdited(undefined)} />
      <ResetPassword user={reset} onClose={() => setReset(undefined)} />
    </Section>
  );
}
