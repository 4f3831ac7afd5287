// SPDX-License-Identifier: Apache-2.0
// The rows of the list of hosts. The arrow keys go from host to host.

import { Table, Text, UnstyledButton } from '@mantine/core';
import { IconArrowDown, IconArrowUp } from '@tabler/icons-react';
import type { KeyboardEvent } from 'react';
import type { Host } from '@/api/schema';
import { HostLink } from '@/components/HostLink';
import { Moment } from '@/components/Moment';
import { HostStatusMark } from '@/components/marks';
import { platformWord } from '@/components/platform-words';
import { TableRegion } from '@/components/TableRegion';
import { Untrusted } from '@/components/Untrusted';
import type { HostOrder } from './search';

/** Moves the focus among the names. */
function onKeyDown(event: KeyboardEvent<HTMLElement>): void {
  const names = [...event.currentTarget.querySelectorAll<HTMLElement>('a[href]')];
  const at = names.indexOf(document.activeElement as HTMLElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: names.length - 1 }[event.key];
  if (at < 0 || to === undefined || !names[to]) return;
  event.preventDefault();
  names[to].focus();
}

/** A page of hosts. */
export function HostTable({
  hosts,
  order,
  onOrder,
}: {
  hosts: readonly Host[];
  order: HostOrder;
  onOrder: (next: HostOrder) => void;
}) {
  const sorting = { order, onOrder };
  return (
    <TableRegion label="Hosts" minWidth={1080}>
      <Table.Thead>
        <Table.Tr>
          <Heading label="Host" {...sorting} />
          <Table.Th>Status</Table.Th>
          <Heading label="Last contact" by="last_seen" {...sorting} />
          <Table.Th>Platform</Table.Th>
          <Table.Th>Operating system</Table.Th>
          <Table.Th>Agent</Table.Th>
          <Table.Th>Address</Table.Th>
          <Heading label="Enrolled" by="enrolled" {...sorting} />
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody onKeyDown={onKeyDown}>
        {hosts.map((host) => (
          <HostRow key={host.id} host={host} />
        ))}
      </Table.Tbody>
    </TableRegion>
  );
}

/** A heading that orders the list; the same one again turns the order round. */
function Heading({
  label,
  by,
  order,
  onOrder,
}: {
  label: string;
  by?: HostOrder['sort'];
  order: HostOrder;
  onOrder: (next: HostOrder) => void;
}) {
  const isBy = order.sort === by;
  const down = order.order === 'desc';
  const Mark = down ? IconArrowDown : IconArrowUp;
  return (
    <Table.Th aria-sort={isBy ? (down ? 'descending' : 'ascending') : 'none'}>
      <UnstyledButton
        fz="inherit"
        fw="inherit"
        style={{ display: 'inline-flex', alignItems: 'center', gap: 4 }}
        onClick={() => onOrder({ sort: by, order: isBy && !down ? 'desc' : undefined })}
      >
        {label}
        <Mark size={14} aria-hidden style={{ visibility: isBy ? 'visible' : 'hidden' }} />
      </UnstyledButton>
    </Table.Th>
  );
}

function HostRow({ host }: { host: Host }) {
  return (
    <Table.Tr>
      <Table.Td fw={500} maw={300} style={{ overflowWrap: 'anywhere' }}>
        <HostLink id={host.id} hostname={host.hostname} />
      </Table.Td>
      <Table.Td>
        <HostStatusMark status={host.status} />
      </Table.Td>
      <Table.Td style={{ whiteSpace: 'nowrap' }}>
        <Moment at={host.last_seen_at} />
      </Table.Td>
      <Table.Td>{platformWord(host.platform)}</Table.Td>
      <Table.Td>
        <Untrusted text={`${host.os_name} ${host.os_version}`.trim()} max={60} />
      </Table.Td>
      <Table.Td style={{ whiteSpace: 'nowrap' }}>
        <Untrusted text={host.agent} max={20} />{' '}
        <Text span inherit c="dimmed">
          <Untrusted text={host.agent_version} max={20} />
        </Text>
      </Table.Td>
      <Table.Td>
        <Untrusted text={host.ip_address} max={45} />
      </Table.Td>
      <Table.Td style={{ whiteSpace: 'nowrap' }}>
        <Moment at={host.enrolled_at} />
      </Table.Td>
    </Table.Tr>
  );
}
