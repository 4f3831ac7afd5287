// SPDX-License-Identifier: Apache-2.0
// Enrolment secrets without their values.

import { Button, Table, VisuallyHidden } from '@mantine/core';
import type { EnrollmentSecret } from '@/api/schema';
import { Moment } from '@/components/Moment';
import { Dot } from '@/components/marks';
import { TableRegion } from '@/components/TableRegion';
import { Untrusted } from '@/components/Untrusted';
import { count } from '@/lib/format';

/** All that are loaded. */
export function SecretTable({
  secrets,
  onRevoke,
}: {
  secrets: readonly EnrollmentSecret[];
  onRevoke: (secret: EnrollmentSecret) => void;
}) {
  return (
    <TableRegion label="List of enrolment secrets" minWidth={760}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>Name</Table.Th>
          <Table.Th>State</Table.Th>
          <Table.Th>Hosts admitted</Table.Th>
          <Table.Th>Created</Table.Th>
          <Table.Th>By</Table.Th>
          <Table.Th w={100}>
            <VisuallyHidden>Actions</VisuallyHidden>
          </Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {secrets.map((secret) => (
          <Table.Tr key={secret.id}>
            <Table.Td fw={500} maw={300} style={{ overflowWrap: 'anywhere' }}>
              <Untrusted text={secret.name} max={100} />
            </Table.Td>
            <Table.Td style={{ whiteSpace: 'nowrap' }}>
              <State secret={secret} />
            </Table.Td>
            <Table.Td style={{ fontVariantNumeric: 'tabular-nums' }}>
              {count(secret.uses)}
              {secret.max_uses !== null && ` of ${count(secret.max_uses)}`}
            </Table.Td>
            <Table.Td style={{ whiteSpace: 'nowrap' }}>
              <Moment at={secret.created_at} />
            </Table.Td>
            <Table.Td>
              {secret.created_by ? (
                <Untrusted text={secret.created_by.username} max={64} />
              ) : (
                'first start'
              )}
            </Table.Td>
            <Table.Td>
              {!secret.revoked_at && (
                <Button
                  size="xs"
                  variant="default"
                  aria-label={`Revoke secret ${secret.name}`}
                  onClick={() => onRevoke(secret)}
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

function State({ secret }: { secret: EnrollmentSecret }) {
  if (secret.revoked_at) {
    return (
      <>
        <Dot color="red.7" label="revoked" /> <Moment at={secret.revoked_at} />
      </>
    );
  }
  if (secret.max_uses !== null && secret.uses >= secret.max_uses) {
    return <Dot color="gray.5" label="used up" />;
  }
  return <Dot color="green.6" label="active" />;
}
