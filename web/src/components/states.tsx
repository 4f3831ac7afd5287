// SPDX-License-Identifier: Apache-2.0
// The states that every part of a page can be in besides showing data: loading, empty, refused.

import { Alert, Button, Skeleton, Stack, Text, Title } from '@mantine/core';
import { IconAlertTriangle, IconLock } from '@tabler/icons-react';
import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { asProblem } from '@/api/problem';

/** Nothing here yet, and what to do about it. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <Stack align="center" gap="xs" py="xl" px="md" ta="center">
      <Title order={2} size="h4">
        {title}
      </Title>
      <Text c="dimmed" maw={560} component="div" className="prose">
        {children}
      </Text>
    </Stack>
  );
}

/** What failed, in the server's words, and a way to try again. */
export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  const problem = asProblem(error);
  const forbidden = problem.status === 403;
  return (
    <Alert
      role="alert"
      color={forbidden ? 'yellow' : 'red'}
      title={forbidden ? 'Not yours to see' : 'This could not be loaded'}
      icon={forbidden ? <IconLock /> : <IconAlertTriangle />}
    >
      <Stack gap="xs" align="flex-start">
        <span>{problem.detail}</span>
        {retry && !forbidden && (
          <Button size="xs" variant="default" onClick={retry}>
            Try again
          </Button>
        )}
      </Stack>
    </Alert>
  );
}

/** Lines of grey where text will be. */
export function Loading({ lines = 4 }: { lines?: number }) {
  const keys = Array.from({ length: lines }, (_, line) => `line-${line}`);
  return (
    <Stack gap="sm" aria-busy="true" aria-label="Loading">
      {keys.map((key) => (
        <Skeleton key={key} height={18} radius="sm" />
      ))}
    </Stack>
  );
}

/** Shows a query's data, or the state that stands in for it. Old data stays while new is fetched. */
export function Loaded<T>({
  query,
  lines,
  children,
}: {
  query: UseQueryResult<T>;
  lines?: number;
  children: (data: T) => ReactNode;
}) {
  if (query.data !== undefined) return children(query.data);
  if (query.error) return <Failure error={query.error} retry={() => void query.refetch()} />;
  return <Loading lines={lines} />;
}
