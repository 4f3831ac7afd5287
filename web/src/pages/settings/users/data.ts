// SPDX-License-Identifier: Apache-2.0
// What the section on users reads and changes.

import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { http, unwrap } from '@/api/client';
import type { NewUser, UserPatch } from '@/api/schema';

/** Accounts fetched at once. */
const PAGE_USERS = 100;

/** Accounts in order of name. */
export function useUsers() {
  return useInfiniteQuery({
    queryKey: ['users'],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      unwrap(
        http.GET('/users', { params: { query: { cursor: pageParam, limit: PAGE_USERS } }, signal }),
      ),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
}

function useFollow() {
  const client = useQueryClient();
  return () => {
    void client.invalidateQueries({ queryKey: ['users'] });
    // Somebody may have changed their own account.
    void client.invalidateQueries({ queryKey: ['session'] });
  };
}

/** Makes an account. */
export function useCreateUser() {
  const onSuccess = useFollow();
  return useMutation({
    mutationFn: (body: NewUser) => unwrap(http.POST('/users', { body })),
    onSuccess,
  });
}

/** Changes members of an account. */
export function useChangeUser() {
  const onSuccess = useFollow();
  return useMutation({
    mutationFn: ({ id, patch }: { id: string; patch: Partial<UserPatch> }) =>
      // Members that have defaults are required by the generated type, though not by the server.
      unwrap(http.PATCH('/users/{id}', { params: { path: { id } }, body: patch as UserPatch })),
    onSuccess,
  });
}
