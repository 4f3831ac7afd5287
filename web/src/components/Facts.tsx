// SPDX-License-Identifier: Apache-2.0
// Cards of a thing's page, and what is known of it as a list of names and values.

import { Card, Group, Text, Title } from '@mantine/core';
import { type ReactNode, useId } from 'react';

/** A card with a heading of its own. */
export function Section({
  title,
  actions,
  children,
}: {
  title: string;
  actions?: ReactNode;
  children: ReactNode;
}) {
  const id = useId();
  return (
    <Card withBorder padding="md" component="section" aria-labelledby={id} miw={0}>
      <Group justify="space-between" mb="sm" gap="xs">
        <Title order={2} size="h4" id={id}>
          {title}
        </Title>
        {actions}
      </Group>
      {children}
    </Card>
  );
}

/** Names and values; a value that is `undefined` or empty is shown as unknown. */
export function Facts({ facts }: { facts: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl style={{ margin: 0, display: 'grid', gridTemplateColumns: 'fit-content(40%) 1fr' }}>
      {facts.map(([name, value]) => (
        <FactLine key={name} name={name} value={value} />
      ))}
    </dl>
  );
}

function FactLine({ name, value }: { name: string; value: ReactNode }) {
  const known = value !== undefined && value !== null && value !== '';
  return (
    <>
      <Text component="dt" size="sm" c="dimmed" py={3} pr="sm">
        {name}
      </Text>
      <Text component="dd" size="sm" m={0} py={3} style={{ overflowWrap: 'anywhere' }}>
        {known ? (
          value
        ) : (
          <Text span inherit c="dimmed">
            unknown
          </Text>
        )}
      </Text>
    </>
  );
}
