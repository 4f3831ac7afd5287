// SPDX-License-Identifier: Apache-2.0
// Copying to the clipboard, and hashes that are shown shortened.

import { ActionIcon, Code, CopyButton, Group, Tooltip } from '@mantine/core';
import { IconCheck, IconCopy } from '@tabler/icons-react';
import { short } from '@/lib/format';

/** A small button that copies `value`. */
export function Copy({ value, label }: { value: string; label: string }) {
  return (
    <CopyButton value={value} timeout={1500}>
      {({ copied, copy }) => (
        <Tooltip label={copied ? 'Copied' : label}>
          <ActionIcon variant="subtle" color="gray" size="sm" aria-label={label} onClick={copy}>
            {copied ? <IconCheck size={14} /> : <IconCopy size={14} />}
          </ActionIcon>
        </Tooltip>
      )}
    </CopyButton>
  );
}

/** The beginning of a hash, all of it on hover, and a button that copies it. */
export function Hash({ value, label }: { value: string; label: string }) {
  return (
    <Group gap={4} wrap="nowrap" display="inline-flex">
      <Tooltip label={value}>
        <Code>{short(value)}</Code>
      </Tooltip>
      <Copy value={value} label={`Copy ${label}`} />
    </Group>
  );
}
