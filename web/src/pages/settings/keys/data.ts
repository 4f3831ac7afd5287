// SPDX-License-Identifier: Apache-2.0
// What the section on API keys reads and changes.

import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { http, unwrap } from '@/api/client';
import type { ApiKey } from '@/api/schema';

/** Keys fetched at once. */
const PAGE_KEYS = 100;

/** One's own keys, newest first; everybody's for an administrator. */
export function useApiKeys() {
  return useInfiniteQuery({
    queryKey: ['api-keys'],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      unwrap(
        http.GET('/api-keys', {
          params: { query: { cursor: pageParam, limit: PAGE_KEYS } },
          signal,
        }),
      ),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
}

/** Makes a key with one's own rights. */
export function useCreateKey() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (name: string) => unwrap(http.POST('/api-keys', { body: { name } })),
    onSuccess: () => void client.invalidateQueries({ queryKey: ['api-keys'] }),
    // The key is not kept once its dialog is closed.
    gcTime: 0,
  });
}

/** Makes a key worthless. */
export function useRevokeKey() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ id }: ApiKey) =>
      unwrap(http.POST('/api-keys/{id}/revoke', { params: { path: { id } } })),
    onSuccess: () => void client.invalidateQueries({ queryKey: ['api-keys'] }),
  });
}
