// SPDX-License-Identifier: Apache-2.0
// The way to the command palette for those who do not know its keys.

import { ActionIcon, Button, Kbd, Text, VisuallyHidden } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';

const isMac = /Mac|iPhone|iPad/.test(navigator.platform);

/** Opens the palette; where there is room it also says by which keys. */
export function PaletteButton({ onOpen }: { onOpen: () => void }) {
  return (
    <>
      <Button
        variant="default"
        size="sm"
        leftSection={<IconSearch size={16} />}
        rightSection={<Kbd size="xs">{isMac ? '⌘' : 'Ctrl'} K</Kbd>}
        onClick={onOpen}
        visibleFrom="xs"
      >
        <Text span size="sm" c="dimmed">
          Go to…
        </Text>
        <VisuallyHidden>page, host or campaign</VisuallyHidden>
      </Button>
      <ActionIcon
        variant="default"
        size="lg"
        aria-label="Go to page, host or campaign"
        onClick={onOpen}
        hiddenFrom="xs"
      >
        <IconSearch size={18} />
      </ActionIcon>
    </>
  );
}
