// SPDX-License-Identifier: Apache-2.0
// A card of a campaign's page. A door leads to it by its name behind the `#` of the address: it is
// brought into view, and its heading gets the focus.

import { Card, Group, Title } from '@mantine/core';
import { useLocation } from '@tanstack/react-router';
import { type ReactNode, useEffect, useRef } from 'react';

/** Room for the header of the console, which stays when the page scrolls, in px. */
const HEADER_PX = 64;

/** `id` is the card's name in the address. */
export function Panel({
  id,
  title,
  actions,
  children,
}: {
  id: string;
  title: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}) {
  const heading = useRef<HTMLHeadingElement>(null);
  // Opening the same door twice leads there twice.
  const visit = useLocation({
    select: ({ hash, state }) => (hash === id ? (state.__TSR_key ?? 'first') : undefined),
  });
  useEffect(() => {
    if (visit === undefined) return;
    heading.current?.focus({ preventScroll: true });
    heading.current?.closest('section')?.scrollIntoView({ block: 'start' });
  }, [visit]);
  return (
    <Card
      withBorder
      padding="md"
      component="section"
      id={id}
      aria-labelledby={`${id}-heading`}
      miw={0}
      style={{ scrollMarginTop: HEADER_PX }}
    >
      <Group justify="space-between" mb="sm" gap="xs">
        <Title order={2} size="h4" id={`${id}-heading`} ref={heading} tabIndex={-1}>
          {title}
        </Title>
        {actions}
      </Group>
      {children}
    </Card>
  );
}
