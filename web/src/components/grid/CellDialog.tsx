// SPDX-License-Identifier: Apache-2.0
// The full text of one cell. A megabyte is laid out piece by piece as it comes into view.

import { Box, Button, Group, Modal, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { Copy } from '@/components/Copy';
import { Untrusted } from '@/components/Untrusted';
import { bytes, counted } from '@/lib/format';
import { visible } from '@/lib/untrusted';
import classes from './grid.module.css';
import { pieces } from './pieces';

/** Characters put into the page at once. */
const SHOWN_CHARS = 1_048_576;

/** What is open. */
export interface OpenCell {
  /** The heading of its column. */
  column: string;
  text: string;
}

function size(text: string): string {
  const encoded = new TextEncoder().encode(text).length;
  return encoded < 1024 ? counted(encoded, 'byte') : bytes(encoded);
}

function FullText({ text }: { text: string }) {
  const [end, setEnd] = useState(SHOWN_CHARS);
  const left = text.length - end;
  return (
    <Stack gap="xs">
      <Group justify="space-between">
        <Text size="sm" c="dimmed">
          {size(text)}
        </Text>
        <Copy value={text} label="Copy the text" />
      </Group>
      <Box
        component="section"
        tabIndex={0}
        aria-label="Full text"
        mah="60vh"
        style={{ overflow: 'auto' }}
      >
        {pieces(text, Math.min(end, text.length)).map((piece, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: pieces of one text never move
          <bdi key={index} className={classes.piece}>
            {visible(piece)}
          </bdi>
        ))}
        {text === '' && (
          <Text size="sm" c="dimmed">
            The cell is empty.
          </Text>
        )}
        {left > 0 && (
          <Button size="xs" variant="default" mt="xs" onClick={() => setEnd(end + SHOWN_CHARS)}>
            Show more ({counted(left, 'character')} left)
          </Button>
        )}
      </Box>
    </Stack>
  );
}

/** The dialog; `cell` undefined is closed. */
export function CellDialog({ cell, onClose }: { cell?: OpenCell; onClose: () => void }) {
  return (
    <Modal
      opened={cell !== undefined}
      onClose={onClose}
      size="xl"
      title={cell && <Untrusted text={cell.column} max={80} />}
    >
      {cell && <FullText text={cell.text} />}
    </Modal>
  );
}
