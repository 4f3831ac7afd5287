// SPDX-License-Identifier: Apache-2.0
// The one shape of every refusal, as the server sends it (RFC 9457 with a stable `code`).

import type { Problem } from './schema';

/** Codes of the server, and `offline` for a request that never reached it. */
export type Code = Problem['code'] | 'offline';

/** What is wrong with one member of a request. */
export interface FieldError {
  /** The member, dotted when nested; empty for the request as a whole. */
  field: string;
  /** A sentence for the operator. */
  message: string;
}

/** Something the server refused, or a server that did not answer. */
export class ApiProblem extends Error {
  constructor(
    readonly code: Code,
    /** HTTP status; 0 when there was no answer. */
    readonly status: number,
    /** A sentence for the operator. */
    readonly detail: string,
    /** What is wrong with which member of the request. */
    readonly errors: readonly FieldError[] = [],
    /** Members that only some codes have, such as `tables` or `next_slot_at`. */
    readonly extra: Readonly<Record<string, unknown>> = {},
  ) {
    super(detail);
    this.name = 'ApiProblem';
  }

  /** The sentence about one member of the request, if it was refused. */
  field(name: string): string | undefined {
    return this.errors.find((error) => error.field === name)?.message;
  }
}

/** What became of a request that got no answer. */
export function unreachable(): ApiProblem {
  return new ApiProblem(
    'offline',
    0,
    'The server does not answer. The console tries again by itself; nothing was changed by this attempt unless the list says so.',
  );
}

/** Reads a refusal, whatever stood between the server and the browser made of it. */
export function toProblem(body: unknown, status: number): ApiProblem {
  if (typeof body === 'object' && body !== null && 'code' in body && 'detail' in body) {
    const { code, detail, errors, ...extra } = body as Record<string, unknown>;
    return new ApiProblem(
      code as Code,
      status,
      String(detail),
      Array.isArray(errors) ? (errors as FieldError[]) : [],
      extra,
    );
  }
  const detail = `The server answered ${status} without saying why. Try again; if it stays so, look at its log.`;
  return new ApiProblem(status === 503 ? 'unavailable' : 'internal', status, detail);
}

/** Any thrown thing as a problem, so that pages handle one type. */
export function asProblem(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error;
  const detail = error instanceof Error ? error.message : String(error);
  return new ApiProblem('internal', 0, detail);
}
