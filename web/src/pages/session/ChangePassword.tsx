// SPDX-License-Identifier: Apache-2.0
// Changing one's password: at first sign-in as a page, later as a dialog's content.

import { Alert, Button, PasswordInput, Stack, Text } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { http, unwrap } from '@/api/client';
import { asProblem } from '@/api/problem';
import { SessionFrame } from './SessionFrame';

/** Fewest characters of a password; the server insists on it. */
const PASSWORD_CHARS_MIN = 14;

/** The form alone. */
export function PasswordForm({ onDone }: { onDone: () => void }) {
  const client = useQueryClient();
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState('');
  const [again, setAgain] = useState('');
  const change = useMutation({
    mutationFn: () => unwrap(http.POST('/auth/password', { body: { current, new: next } })),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ['session'] });
      onDone();
    },
  });
  const problem = change.error ? asProblem(change.error) : undefined;
  const differs = again !== '' && again !== next;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (again === next) change.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        {problem && problem.errors.length === 0 && (
          <Alert color="red" role="alert">
            {problem.detail}
          </Alert>
        )}
        <PasswordInput
          label="Password until now"
          autoComplete="current-password"
          required
          withAsterisk={false}
          error={problem?.field('current')}
          value={current}
          onChange={(event) => setCurrent(event.currentTarget.value)}
        />
        <PasswordInput
          label="New password"
          description={`At least ${PASSWORD_CHARS_MIN} characters; a sentence is easier than symbols.`}
          autoComplete="new-password"
          required
          withAsterisk={false}
          minLength={PASSWORD_CHARS_MIN}
          error={problem?.field('new')}
          value={next}
          onChange={(event) => setNext(event.currentTarget.value)}
        />
        <PasswordInput
          label="New password once more"
          autoComplete="new-password"
          required
          withAsterisk={false}
          error={differs ? 'The two differ.' : undefined}
          value={again}
          onChange={(event) => setAgain(event.currentTarget.value)}
        />
        <Button type="submit" loading={change.isPending} mt="xs">
          Change password
        </Button>
      </Stack>
    </form>
  );
}

/** The page that a one-time password leads to. */
export function ChangePassword({ first }: { first?: boolean }) {
  return (
    <SessionFrame title="Choose a password">
      {first && (
        <Text c="dimmed" size="sm">
          You signed in with a one-time password. Choose one of your own to go on.
        </Text>
      )}
      <PasswordForm onDone={() => undefined} />
    </SessionFrame>
  );
}
