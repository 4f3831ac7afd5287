// SPDX-License-Identifier: Apache-2.0
// What this user ran before in this browser, and texts that were displaced unsaved.

import { Badge, Button, Group, Menu, ScrollArea, Text } from '@mantine/core';
import { IconHistory } from '@tabler/icons-react';
import { useState } from 'react';
import { useUser } from '@/api/session';
import { Moment } from '@/components/Moment';
import { targetWords } from '@/components/target-words';
import { excerpt } from '@/lib/untrusted';
import { forgetHistory, type Remembered, readHistory } from './storage';
import { firstLine } from './words';

const KINDS = { live: 'ran', campaign: 'launched', unsaved: 'unsaved' };

/** A click brings statement and target back. */
export function HistoryMenu({ onPick }: { onPick: (item: Remembered) => void }) {
  const user = useUser().id;
  const [items, setItems] = useState<Remembered[]>([]);
  return (
    <Menu
      withInitialFocusPlaceholder={false}
      position="bottom-end"
      width={420}
      withinPortal
      onOpen={() => setItems(readHistory(user))}
    >
      <Menu.Target>
        <Button variant="default" size="xs" leftSection={<IconHistory size={14} aria-hidden />}>
          History
        </Button>
      </Menu.Target>
      <Menu.Dropdown maw="calc(100vw - 32px)">
        <Menu.Label>Your runs in this browser</Menu.Label>
        {items.length === 0 && (
          <Text size="sm" px="sm" py={6}>
            Nothing yet. What you run or launch is listed here.
          </Text>
        )}
        <ScrollArea.Autosize mah={360} type="auto">
          {items.map((item) => (
            <Menu.Item key={`${item.at} ${item.sql}`} onClick={() => onPick(item)}>
              <Text size="sm" ff="monospace" truncate>
                {excerpt(firstLine(item.sql), 120).text}
              </Text>
              <Group gap="xs" fz="xs">
                <Badge size="xs" variant="default" tt="none">
                  {KINDS[item.kind] ?? 'ran'}
                </Badge>
                <span>{targetWords(item.target)}</span>
                <Moment at={new Date(item.at).toISOString()} />
              </Group>
            </Menu.Item>
          ))}
        </ScrollArea.Autosize>
        {items.length > 0 && (
          <>
            <Menu.Divider />
            <Menu.Item c="var(--mantine-color-error)" onClick={() => forgetHistory(user)}>
              Clear history
            </Menu.Item>
          </>
        )}
      </Menu.Dropdown>
    </Menu>
  );
}
