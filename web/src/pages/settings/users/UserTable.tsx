// SPDX-License-Identifier: Apache-2.0
// Accounts, and what can be done to each.

import { ActionIcon, Badge, Group, Menu, Table, Text, VisuallyHidden } from '@mantine/core';
import { IconDots, IconKey, IconPencil } from '@tabler/icons-react';
import type { User } from '@/api/schema';
import { useUser } from '@/api/session';
import { Moment } from '@/components/Moment';
import { Dot } from '@/components/marks';
import { TableRegion } from '@/components/TableRegion';
import { Untrusted } from '@/components/Untrusted';

interface Actions {
  onEdit: (user: User) => void;
  onReset: (user: User) => void;
}

/** All that are loaded. */
export function UserTable({ users, ...actions }: Actions & { users: readonly User[] }) {
  return (
    <TableRegion label="List of users" minWidth={720}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>Name</Table.Th>
          <Table.Th>Role</Table.Th>
          <Table.Th>State</Table.Th>
          <Table.Th>Created</Table.Th>
          <Table.Th w={60}>
            <VisuallyHidden>Actions</VisuallyHidden>
          </Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {users.map((user) => (
          <Row key={user.id} user={user} {...actions} />
        ))}
      </Table.Tbody>
    </TableRegion>
  );
}

function State({ user }: { user: User }) {
  if (user.disabled) return <Dot color="red.7" label="disabled" />;
  if (user.password_change_required) {
    return <Dot color="yellow.6" label="has a one-time password" />;
  }
  return <Dot color="green.6" label="active" />;
}

function Row({ user, onEdit, onReset }: Actions & { user: User }) {
  const isSelf = useUser().id === user.id;
  return (
    <Table.Tr>
      <Table.Td fw={500} maw={300} style={{ overflowWrap: 'anywhere' }}>
        <Untrusted text={user.username} max={64} />
        {isSelf && (
          <Text span inherit c="dimmed" fw={400}>
            {' '}
            (you)
          </Text>
        )}
      </Table.Td>
      <Table.Td>
        <Group gap={6}>
          {user.role === 'admin' ? 'administrator' : 'operator'}
          {user.role !== 'admin' && user.capabilities.includes('can_launch_fleet_hunts') && (
            <Badge size="sm" variant="light" tt="none">
              hunts fleet-wide
            </Badge>
          )}
        </Group>
      </Table.Td>
      <Table.Td>
        <State user={user} />
      </Table.Td>
      <Table.Td style={{ whiteSpace: 'nowrap' }}>
        <Moment at={user.created_at} />
      </Table.Td>
      <Table.Td>
        <Menu position="bottom-end" withinPortal>
          <Menu.Target>
            <ActionIcon variant="subtle" color="gray" aria-label={`Actions for ${user.username}`}>
              <IconDots size={18} />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item leftSection={<IconPencil size={16} />} onClick={() => onEdit(user)}>
              Edit
            </Menu.Item>
            <Menu.Item leftSection={<IconKey size={16} />} onClick={() => onReset(user)}>
              Reset password
            </Menu.Item>
          </Menu.Dropdown>
        </Menu>
      </Table.Td>
    </Table.Tr>
  );
}
