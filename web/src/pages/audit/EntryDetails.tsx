// SPDX-License-Identifier: Apache-2.0
// All that is recorded of one action.

import { Box, Code, Group, Stack, Text } from '@mantine/core';
import type { AuditEntry } from '@/api/schema';
import { Copy, Hash } from '@/components/Copy';
import { Facts } from '@/components/Facts';
import { Untrusted } from '@/components/Untrusted';
import { exact } from '@/lib/format';
import { visible } from '@/lib/untrusted';

/** Characters of details that are shown; all of them are copied. */
const DETAILS_CHARS = 100_000;

function id(value: string | null) {
  return (
    value && (
      <Group gap={4} wrap="nowrap">
        <Untrusted text={value} max={80} />
        <Copy value={value} label="Copy the id" />
      </Group>
    )
  );
}

/** Facts, details and hash. */
export function EntryDetails({ entry }: { entry: AuditEntry }) {
  const { actor, target } = entry;
  const json = JSON.stringify(entry.details, null, 2);
  const known: [string, React.ReactNode][] = [
    ['Entry', entry.id],
    ['Time', exact(Date.parse(entry.at))],
    ['Actor’s role', actor.role ?? 'none'],
  ];
  if (actor.id) known.push(['Actor’s id', id(actor.id)]);
  if (target.id) known.push(['Target’s id', id(target.id)]);
  known.push(['Hash', <Hash key="hash" value={entry.hash} label="the hash" />]);
  return (
    <Stack gap="xs" maw={900}>
      <Facts facts={known} />
      {json === '{}' ? (
        <Text size="sm" c="dimmed">
          Nothing more is recorded of it.
        </Text>
      ) : (
        <Box pos="relative">
          <Box
            component="section"
            aria-label={`Recorded of entry ${entry.id}`}
            tabIndex={0}
            mah={400}
            style={{ overflow: 'auto' }}
          >
            <Code block>
              {visible(json.slice(0, DETAILS_CHARS))}
              {json.length > DETAILS_CHARS && '…'}
            </Code>
          </Box>
          <Box pos="absolute" top={6} right={6}>
            <Copy value={json} label="Copy the details" />
          </Box>
        </Box>
      )}
    </Stack>
  );
}
