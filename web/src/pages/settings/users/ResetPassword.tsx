// SPDX-License-Identifier: Apache-2.0
// A new one-time password for somebody who has lost theirs.

import { Alert, Button, Group, Modal, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { asProblem } from '@/api/problem';
import type { User } from '@/api/schema';
import { ShownOnce } from '../ShownOnce';
import { useChangeUser } from './data';
import { oneTimePassword } from './password';

/** The dialog; open while there is a user. */
export function ResetPassword({ user, onClose }: { user: User | undefined; onClose: () => void }) {
  const change = useChangeUser();
  const [password, setPassword] = useState<string>();
  const close = () => {
    onClose();
    setPassword(undefined);
    change.reset();
  };
  const reset = () => {
    if (!user) return;
    const next = oneTimePassword();
    change.mutate(
      { id: user.id, patch: { password: next } },
      { onSuccess: () => setPassword(next) },
    );
  };
  return (
    <Modal
      opened={user !== undefined}
      onClose={close}
      title={user && `Reset the password of ${user.username}`}
      closeOnClickOutside={!password}
      closeOnEscape={!password}
      withCloseButton={!password}
    >
      {password ? (
        <ShownOnce what="the one-time password" secret={password} onDone={close}>
          Hand it over by a way that only they can read. It has to be changed at the next sign-in.
        </ShownOnce>
      ) : (
        <Stack gap="md">
          <Text size="sm">
            The password until now stops working, and all sessions of this account end. API keys are
            not affected.
          </Text>
          {change.error && (
            <Alert color="red" role="alert" title="Nothing was changed">
              {asProblem(change.error).detail}
            </Alert>
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={close} data-autofocus>
              Cancel
            </Button>
            <Button color="red" loading={change.isPending} onClick={reset}>
              Reset password
            </Button>
          </Group>
        </Stack>
      )}
    </Modal>
  );
}
