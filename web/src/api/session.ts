// SPDX-License-Identifier: Apache-2.0
// Who is signed in. A request that answers 401 anywhere brings the sign-in back, in place.

import { type QueryClient, queryOptions, useQuery } from '@tanstack/react-query';
import { http, unwrap } from './client';
import { ApiProblem } from './problem';
import type { Session, User } from './schema';

/** The session; `null` when nobody is signed in. */
export const sessionQuery = queryOptions({
  queryKey: ['session'],
  staleTime: Number.POSITIVE_INFINITY,
  queryFn: async ({ signal }): Promise<Session | null> => {
    try {
      return await unwrap(http.GET('/auth/me', { signal }));
    } catch (error) {
      if (error instanceof ApiProblem && error.status === 401) return null;
      throw error;
    }
  },
});

/** The signed-in user. Only below the shell, where there is one. */
export function useUser(): User {
  const { data } = useQuery(sessionQuery);
  if (!data) throw new Error('used where nobody is signed in');
  return data.user;
}

/** Whether the signed-in user is an administrator. */
export function useIsAdmin(): boolean {
  return useUser().role === 'admin';
}

/** Notes who is signed in now. Whatever was read for somebody else is gone before a page shows. */
export function beginSession(client: QueryClient, session: Session | null): void {
  client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== sessionQuery.queryKey[0] });
  client.setQueryData(sessionQuery.queryKey, session);
}
