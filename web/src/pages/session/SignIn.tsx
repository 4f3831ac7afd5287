// SPDX-License-Identifier: Apache-2.0
// Signing in.

import { Alert, Button, PasswordInput, Stack, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { http, unwrap } from '@/api/client';
import { asProblem } from '@/api/problem';
import { beginSession } from '@/api/session';
import { SessionFrame } from './SessionFrame';

/** Asks for name and password, and says in the server's words why they were refused. */
export function SignIn() {
  const client = useQueryClient();
  const [username, setUsername] = useState('');
  const [password, setPassword] = useState('');
  const login = useMutation({
    mutationFn: () => unwrap(http.POST('/auth/login', { body: { username, password } })),
    onSuccess: (session) => beginSession(client, session),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    login.mutate();
  };
  return (
    <SessionFrame title="Sign in to Mimir">
      <form onSubmit={submit}>
        <Stack gap="sm">
          {login.error && (
            <Alert color="red" role="alert">
              {asProblem(login.error).detail}
            </Alert>
          )}
          <TextInput
            label="User name"
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            required
            withAsterisk={false}
            data-autofocus
            ref={(input) => {
              if (input && document.activeElement === document.body) input.focus();
            }}
            value={username}
            onChange={(event) => setUsername(event.currentTarget.value)}
          />
          <PasswordInput
            label="Password"
            autoComplete="current-password"
            required
            withAsterisk={false}
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
          />
          <Button type="submit" loading={login.isPending} mt="xs">
            Sign in
          </Button>
        </Stack>
      </form>
    </SessionFrame>
  );
}
