// SPDX-License-Identifier: Apache-2.0
// A question before something is cut off, with the server's refusal beside its button.

import { Alert, Button, Group, Modal, Stack, Text } from '@mantine/core';
import type { UseMutationResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { asProblem } from '@/api/problem';

/** Open while `about` is there; `act` is asked to happen with it. */
export function Confirm<Thing, Answer>({
  about,
  title,
  verb,
  children,
  act,
  onClose,
  onDone,
}: {
  about: Thing | undefined;
  title: string;
  verb: string;
  children: ReactNode;
  act: UseMutationResult<Answer, Error, Thing>;
  onClose: () => void;
  onDone?: (answer: Answer) => void;
}) {
  const commit = () => {
    if (about === undefined) return;
    act.mutate(about, {
      onSuccess: (answer) => {
        onClose();
        onDone?.(answer);
      },
    });
  };
  return (
    <Modal
      opened={about !== undefined}
      onClose={onClose}
      title={title}
      onEnterTransitionEnd={act.reset}
    >
      <Stack gap="md">
        <Text size="sm" component="div">
          {children}
        </Text>
        {act.error && (
          <Alert color="red" role="alert" title="Nothing was changed">
            {asProblem(act.error).detail}
          </Alert>
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose} data-autofocus>
            Cancel
          </Button>
          <Button color="red" loading={act.isPending} onClick={commit}>
            {verb}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
