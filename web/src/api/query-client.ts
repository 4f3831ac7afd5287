// SPDX-License-Identifier: Apache-2.0
// How the console caches and retries what it reads.

import { MutationCache, QueryCache, QueryClient } from '@tanstack/react-query';
import { ApiProblem } from './problem';

/** A refusal is an answer; only silence and a busy server are asked again. */
function shouldRetry(failures: number, error: unknown): boolean {
  const passing = !(error instanceof ApiProblem) || error.status === 0 || error.status === 503;
  return passing && failures < 4;
}

function onError(error: unknown): void {
  if (!(error instanceof ApiProblem)) return;
  const out = error.status === 401 || error.code === 'password_change_required';
  if (out) void queryClient.invalidateQueries({ queryKey: ['session'] });
}

/** The one cache. */
export const queryClient: QueryClient = new QueryClient({
  queryCache: new QueryCache({ onError }),
  mutationCache: new MutationCache({ onError }),
  defaultOptions: {
    queries: { retry: shouldRetry, staleTime: 2_000, refetchOnWindowFocus: true },
    mutations: { retry: false },
  },
});
