// SPDX-License-Identifier: Apache-2.0
// What stands at every address: the sign-in for strangers, the first password change, the shell for
// everybody else. The address never changes by it, so a mailed link survives a sign-in.

import { Center, Loader } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { sessionQuery } from '@/api/session';
import { Failure } from '@/components/states';
import { ChangePassword } from '@/pages/session/ChangePassword';
import { SignIn } from '@/pages/session/SignIn';
import { Shell } from './Shell';

/** Chooses by who is signed in. */
export function Root() {
  const session = useQuery(sessionQuery);
  if (session.data === undefined) {
    return (
      <Center mih="100vh" p="md">
        {session.error ? (
          <Failure error={session.error} retry={() => void session.refetch()} />
        ) : (
          <Loader aria-label="Loading" />
        )}
      </Center>
    );
  }
  if (session.data === null) return <SignIn />;
  if (session.data.user.password_change_required) return <ChangePassword first />;
  return <Shell />;
}
