// SPDX-License-Identifier: Apache-2.0
// The typed client of the HTTP API. Types come from `api/openapi.json`; nothing here knows a page.

import createClient from 'openapi-fetch';
import { setReachable } from './connection';
import { asProblem, toProblem, unreachable } from './problem';
import type { paths } from './schema';

/** Where the API lives. */
export const API = '/api/v1';

async function reach(input: Request): Promise<Response> {
  try {
    const response = await fetch(input);
    setReachable(true);
    return response;
  } catch (error) {
    if (input.signal.aborted) throw error;
    setReachable(false);
    throw unreachable();
  }
}

/** `await unwrap(http.GET('/hosts'))`. */
export const http = createClient<paths>({ baseUrl: API, fetch: reach });

/** The body of an answer; throws an {@link ApiProblem} for a refusal. */
export async function unwrap<T>(
  request: Promise<{ data?: T; error?: unknown; response: Response }>,
): Promise<T> {
  const { data, error, response } = await request.catch((failure: unknown) => {
    if (failure instanceof DOMException && failure.name === 'AbortError') throw failure;
    throw asProblem(failure);
  });
  if (!response.ok) throw toProblem(error, response.status);
  return data as T;
}
