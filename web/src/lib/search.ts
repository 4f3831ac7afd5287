// SPDX-License-Identifier: Apache-2.0
// Reading what the address bar holds. A broken value is dropped, never an error: addresses are
// typed, shortened and mailed.

/** What the router found behind the question mark. */
export type RawSearch = Record<string, unknown>;

/** A text that is not empty. */
export function text(value: unknown): string | undefined {
  if (typeof value === 'string' && value !== '') return value;
  // The router reads `?q=42` as a number.
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}

/** One of the given words. */
export function oneOf<T extends string>(value: unknown, words: readonly T[]): T | undefined {
  return words.find((word) => word === value);
}

/** A switch that is on. */
export function flag(value: unknown): true | undefined {
  return value === true || value === 'true' || value === 1 ? true : undefined;
}
