// SPDX-License-Identifier: Apache-2.0
// A secret that is shown this once. Its dialog closes by a button of its own alone, so that no stray
// click loses it.

import { Alert, Box, Button, Code, CopyButton, Group, Stack, Text } from '@mantine/core';
import { IconCheck, IconCopy, IconEyeOff } from '@tabler/icons-react';
import type { ReactNode } from 'react';

/** `what` names it in the middle of a sentence: *the key*. */
export function ShownOnce({
  what,
  secret,
  children,
  onDone,
}: {
  what: string;
  secret: string;
  children?: ReactNode;
  onDone: () => void;
}) {
  return (
    <Stack gap="md">
      <Alert color="yellow" icon={<IconEyeOff />} title="Shown this once">
        Copy {what} now. The server keeps no copy of it that could be shown again.
      </Alert>
      <Group gap="xs" wrap="nowrap">
        <Box flex={1} miw={0}>
          <Code
            block
            aria-label={what}
            style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}
          >
            {secret}
          </Code>
        </Box>
        <CopyButton value={secret} timeout={2000}>
          {({ copied, copy }) => (
            <Button
              onClick={copy}
              data-autofocus
              leftSection={copied ? <IconCheck size={16} /> : <IconCopy size={16} />}
            >
              {copied ? 'Copied' : 'Copy'}
            </Button>
          )}
        </CopyButton>
      </Group>
      {children && (
        <Text size="sm" component="div">
          {children}
        </Text>
      )}
      <Group justify="flex-end">
        <Button variant="default" onClick={onDone}>
          Done
        </Button>
      </Group>
    </Stack>
  );
}
