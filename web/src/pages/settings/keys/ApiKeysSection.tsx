// SPDX-License-Identifier: Apache-2.0
// Keys of programs.

import { Button, Stack, Table, Text, VisuallyHidden } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconPlus } from '@tabler/icons-react';
import { useState } from 'react';
import type { ApiKey } from '@/api/schema';
import { useIsAdmin } from '@/api/session';
import { Section } from '@/components/Facts';
import { Moment } from '@/components/Moment';
import { Dot } from '@/components/marks';
import { Empty, Failure, Loading } from '@/components/states';
import { TableRegion } from '@/components/TableRegion';
import { Untrusted } from '@/components/Untrusted';
import { notifyDone } from '@/lib/notify';
import { Confirm } from '../Confirm';
import { MoreButton } from '../MoreButton';
import { CreateKey } from './CreateKey';
import { useApiKeys, useRevokeKey } from './data';

/** The section. */
export function ApiKeysSection() {
  const isAdmin = useIsAdmin();
  const keys = useApiKeys();
  const revoke = useRevokeKey();
  const [creating, { open, close }] = useDisclosure(false);
  const [revoked, setRevoked] = useState<ApiKey>();
  const items = keys.data?.pages.flatMap((page) => page.items);
  return (
    <Section
      title="API keys"
      actions={
        <Button size="sm" leftSection={<IconPlus size={18} />} onClick={open}>
          Create key
        </Button>
      }
    >
      <Stack gap="sm">
        <Text size="sm" c="dimmed">
          For programs and the command line. {isAdmin ? 'You see everybody’s.' : 'You see yours.'}
        </Text>
        {keys.error && <Failure error={keys.error} retry={() => void keys.refetch()} />}
        {!items && !keys.error && <Loading lines={4} />}
        {items?.length === 0 && (
          <Empty title="No keys yet">Create one for a program that speaks to this server.</Empty>
        )}
        {items && items.length > 0 && <KeyTable keys={items} onRevoke={setRevoked} />}
        <MoreButton query={keys} />
      </Stack>
      <CreateKey opened={creating} onClose={close} />
      <Confirm
        about={revoked}
        title="Revoke this key?"
        verb="Revoke key"
        act={revoke}
        onClose={() => setRevoked(undefined)}
        onDone={() => notifyDone('The key is revoked.')}
      >
        Whatever uses <b>{revoked && <Untrusted text={revoked.name} max={100} />}</b> is refused
        from now on. This cannot be undone.
      </Confirm>
    </Section>
  );
}

function KeyTable({
  keys,
  onRevoke,
}: {
  keys: readonly ApiKey[];
  onRevoke: (key: ApiKey) => void;
}) {
  return (
    <TableRegion label="List of API keys" minWidth={760}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>Name</Table.Th>
          <Table.Th>User</Table.Th>
          <Table.Th>State</Table.Th>
          <Table.Th>Created</Table.Th>
          <Table.Th>Last used</Table.Th>
          <Table.Th w={100}>
            <VisuallyHidden>Actions</VisuallyHidden>
          </Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {keys.map((key) => (
          <Table.Tr key={key.id}>
            <Table.Td fw={500} maw={300} style={{ overflowWrap: 'anywhere' }}>
              <Untrusted text={key.name} max={100} />
            </Table.Td>
            <Table.Td>
              <Untrusted text={key.user.username} max={64} />
            </Table.Td>
            <Table.Td style={{ whiteSpace: 'nowrap' }}>
              {key.revoked_at ? (
                <>
                  <Dot color="red.7" label="revoked" /> <Moment at={key.revoked_at} />
                </>
              ) : (
                <Dot color="green.6" label="active" />
              )}
            </Table.Td>
            <Table.Td style={{ whiteSpace: 'nowrap' }}>
              <Moment at={key.created_at} />
            </Table.Td>
            <Table.Td style={{ whiteSpace: 'nowrap' }}>
              <Moment at={key.last_used_at} none="never" />
            </Table.Td>
            <Table.Td>
              {!key.revoked_at && (
                <Button
                  size="xs"
                  variant="default"
                  aria-label={`Revoke key ${key.name}`}
                  onClick={() => onRevoke(key)}
                >
                  Revoke
                </Button>
              )}
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </TableRegion>
  );
}
