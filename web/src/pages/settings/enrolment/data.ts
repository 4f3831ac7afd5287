// SPDX-License-Identifier: Apache-2.0
// What the section on enrolment reads and changes.

import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { http, unwrap } from '@/api/client';
import type {
  EnrollmentKitRequest,
  EnrollmentSecret,
  KitAgent,
  NewEnrollmentSecret,
} from '@/api/schema';
import { download } from '@/components/grid/csv';

/** Secrets fetched at once. */
const PAGE_SECRETS = 100;
/** How often uses are counted anew while they are looked at, in milliseconds. */
const REFRESH_MS = 10_000;

/** Secrets without their values, newest first. */
export function useSecrets() {
  return useInfiniteQuery({
    queryKey: ['enrollment-secrets'],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      unwrap(
        http.GET('/enrollment-secrets', {
          params: { query: { cursor: pageParam, limit: PAGE_SECRETS } },
          signal,
        }),
      ),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    refetchInterval: REFRESH_MS,
  });
}

function useFollow() {
  const client = useQueryClient();
  return () => void client.invalidateQueries({ queryKey: ['enrollment-secrets'] });
}

/** Makes a secret; its value is in the answer alone. */
export function useCreateSecret() {
  const onSuccess = useFollow();
  return useMutation({
    mutationFn: (body: NewEnrollmentSecret) => unwrap(http.POST('/enrollment-secrets', { body })),
    onSuccess,
    // The value is not kept once its dialog is closed.
    gcTime: 0,
  });
}

/** Lets no more machines in with a secret. */
export function useRevokeSecret() {
  const onSuccess = useFollow();
  return useMutation({
    mutationFn: ({ id }: EnrollmentSecret) =>
      unwrap(http.POST('/enrollment-secrets/{id}/revoke', { params: { path: { id } } })),
    onSuccess,
  });
}

/** Hands a kit to the reader as a file. */
export function saveKit(kit: Blob, agent: KitAgent): void {
  download(kit, `mimir-kit-${agent}.tar.gz`);
}

/** Whether two requests ask for the same kit. */
export function sameKit(one: EnrollmentKitRequest | undefined, other: EnrollmentKitRequest) {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** Fetches a kit and hands it to the reader as a file. */
export function useKit() {
  const onSuccess = useFollow();
  return useMutation({
    mutationFn: async (body: EnrollmentKitRequest) => {
      const kit: unknown = await unwrap(
        http.POST('/enrollment-kits', { body, parseAs: 'blob' }) as Promise<{
          data?: unknown;
          error?: unknown;
          response: Response;
        }>,
      );
      saveKit(kit as Blob, body.agent);
      return kit as Blob;
    },
    onSuccess,
    gcTime: 0,
  });
}
