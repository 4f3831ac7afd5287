// SPDX-License-Identifier: Apache-2.0
// Entries of the audit trail; each opens to all that is recorded of it.

import { ActionIcon, Badge, Table, Text, VisuallyHidden } from '@mantine/core';
import { IconChevronDown, IconChevronRight } from '@tabler/icons-react';
import { Fragment, useEffect, useId, useRef, useState } from 'react';
import type { AuditEntry, AuditTarget } from '@/api/schema';
import { AnchorLink } from '@/components/links';
import { Moment } from '@/components/Moment';
import { TableRegion } from '@/components/TableRegion';
import { Untrusted } from '@/components/Untrusted';
import { EntryDetails } from './EntryDetails';

/** A list; `opened` is open from the start and brought into view. */
export function EntryTable({
  entries,
  opened,
}: {
  entries: readonly AuditEntry[];
  opened?: string;
}) {
  return (
    <TableRegion label="Audit entries" minWidth={900}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th w={40}>
            <VisuallyHidden>Details</VisuallyHidden>
          </Table.Th>
          <Table.Th>When</Table.Th>
          <Table.Th>Who</Table.Th>
          <Table.Th>Action</Table.Th>
          <Table.Th>Target</Table.Th>
          <Table.Th>Outcome</Table.Th>
          <Table.Th>From</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {entries.map((entry) => (
          <Entry key={entry.id} entry={entry} startsOpen={entry.id === opened} />
        ))}
      </Table.Tbody>
    </TableRegion>
  );
}

function Entry({ entry, startsOpen }: { entry: AuditEntry; startsOpen: boolean }) {
  const [open, setOpen] = useState(startsOpen);
  const row = useRef<HTMLTableRowElement>(null);
  const id = useId();
  useEffect(() => {
    if (startsOpen) row.current?.scrollIntoView({ block: 'center' });
  }, [startsOpen]);
  return (
    <Fragment>
      <Table.Tr ref={row} bg={startsOpen ? 'var(--mantine-color-yellow-light)' : undefined}>
        <Table.Td>
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={`Details of entry ${entry.id}`}
            aria-expanded={open}
            aria-controls={open ? id : undefined}
            onClick={() => setOpen(!open)}
          >
            {open ? <IconChevronDown size={16} /> : <IconChevronRight size={16} />}
          </ActionIcon>
        </Table.Td>
        <Table.Td style={{ whiteSpace: 'nowrap' }}>
          <Moment at={entry.at} />
        </Table.Td>
        <Table.Td>
          <Untrusted text={entry.actor.username} max={64} />
          {entry.actor.api_key && (
            <Text size="xs" c="dimmed">
              key <Untrusted text={entry.actor.api_key} max={60} />
            </Text>
          )}
        </Table.Td>
        <Table.Td>{entry.action}</Table.Td>
        <Table.Td maw={320} style={{ overflowWrap: 'anywhere' }}>
          <Target target={entry.target} />
        </Table.Td>
        <Table.Td>
          <Badge variant="light" tt="none" color={entry.outcome === 'success' ? 'green' : 'orange'}>
            {entry.outcome}
          </Badge>
        </Table.Td>
        <Table.Td>
          <Untrusted text={entry.address} max={45} />
        </Table.Td>
      </Table.Tr>
      {open && (
        <Table.Tr id={id}>
          <Table.Td />
          <Table.Td colSpan={6} pt={0}>
            <EntryDetails entry={entry} />
          </Table.Td>
        </Table.Tr>
      )}
    </Fragment>
  );
}

/** What was acted upon; a door where it has a page. */
function Target({ target }: { target: AuditTarget }) {
  const name = target.name ?? target.id;
  const kind = (
    <Text size="xs" c="dimmed">
      {target.type}
    </Text>
  );
  if (!name) return kind;
  const text = <Untrusted text={name} max={120} />;
  return (
    <>
      {target.type === 'campaign' && target.id ? (
        <AnchorLink to="/campaigns/$campaignId" params={{ campaignId: target.id }} inherit>
          {text}
        </AnchorLink>
      ) : target.type === 'host' && target.id ? (
        <AnchorLink to="/hosts/$hostId" params={{ hostId: target.id }} inherit>
          {text}
        </AnchorLink>
      ) : (
        text
      )}
      {kind}
    </>
  );
}
