// SPDX-License-Identifier: Apache-2.0
// What the server says about the text, below it: for those who do not hover over wavy lines.

import { Anchor, Group, Stack, Text } from '@mantine/core';
import {
  IconAlertTriangle,
  IconBan,
  IconCircleCheck,
  IconExclamationCircle,
} from '@tabler/icons-react';
import { asProblem } from '@/api/problem';
import type { QueryCheck } from '@/api/schema';
import type { Finding } from '@/components/sql/findings';
import { PLATFORMS } from '@/components/target/target';

/** What the list is given. */
export interface FindingsListProps {
  id: string;
  isEmpty: boolean;
  result: QueryCheck | undefined;
  findings: readonly Finding[];
  /** The check itself failed. */
  error: unknown;
  onSelect: (from: number, to: number) => void;
}

const MARKS = {
  error: { icon: IconExclamationCircle, color: 'var(--mantine-color-error)', word: 'Error' },
  blocked: { icon: IconBan, color: 'var(--mantine-color-error)', word: 'Blocked' },
  warning: {
    icon: IconAlertTriangle,
    color: 'light-dark(var(--mantine-color-orange-9), var(--mantine-color-orange-4))',
    word: 'Warning',
  },
};

/** Each remark once, with the way to its place. */
export function FindingsList({
  id,
  isEmpty,
  result,
  findings,
  error,
  onSelect,
}: FindingsListProps) {
  const once = findings.filter(
    (finding, at) => findings.findIndex(({ message }) => message === finding.message) === at,
  );
  return (
    <div id={id} role="status" aria-label="Findings" style={{ minHeight: 22 }}>
      {once.length > 0 ? (
        <Stack component="ul" gap={4} p={0} m={0} style={{ listStyle: 'none' }}>
          {once.map((finding) => (
            <Remark key={finding.message} finding={finding} onSelect={onSelect} />
          ))}
        </Stack>
      ) : (
        <Verdict isEmpty={isEmpty} result={result} error={error} />
      )}
    </div>
  );
}

function Remark({
  finding: { kind, message, from, to },
  onSelect,
}: {
  finding: Finding;
  onSelect: (from: number, to: number) => void;
}) {
  const { icon: Icon, color, word } = MARKS[kind];
  return (
    <Group component="li" gap={6} wrap="nowrap" align="flex-start">
      <Icon size={16} color={color} aria-hidden style={{ flex: 'none', marginTop: 3 }} />
      <Text size="sm">
        <Anchor component="button" type="button" inherit onClick={() => onSelect(from, to)}>
          {word}
        </Anchor>
        : {message}
      </Text>
    </Group>
  );
}

function Verdict({
  isEmpty,
  result,
  error,
}: Pick<FindingsListProps, 'isEmpty' | 'result' | 'error'>) {
  if (isEmpty) return null;
  if (error && !result) {
    return <Text size="sm">The text could not be checked: {asProblem(error).detail}</Text>;
  }
  if (!result) {
    return (
      <Text size="sm" c="dimmed">
        Checking…
      </Text>
    );
  }
  // What is refused is told elsewhere.
  if (!result.ok) return null;
  const isEverywhere = result.platforms.length === PLATFORMS.length;
  return (
    <Group gap={6}>
      <IconCircleCheck size={16} color="var(--mantine-color-green-7)" aria-hidden />
      <Text size="sm">
        No problems found.
        {!isEverywhere &&
          result.platforms.length > 0 &&
          ` These tables exist on ${result.platforms.join(', ')} only.`}
      </Text>
    </Group>
  );
}
