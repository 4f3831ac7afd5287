// SPDX-License-Identifier: Apache-2.0
// What the editor asks the server: the schema, and what it thinks of a statement.

import { useDebouncedValue } from '@mantine/hooks';
import { keepPreviousData, queryOptions, useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { http, unwrap } from '@/api/client';
import type { Target } from '@/api/schema';
import { type Finding, findings } from './findings';
import { indexSchema, type SchemaIndex } from './schema-index';

/** Pause in typing after which a statement is checked, in milliseconds. */
const CHECK_MS = 350;
/** Changes only with the deny-list; the server answers "unchanged" by its ETag. */
const SCHEMA_STALE_MS = 60_000;

/** Tables, columns and functions, by name. */
export const schemaQuery = queryOptions({
  queryKey: ['schema'],
  staleTime: SCHEMA_STALE_MS,
  queryFn: async ({ signal }) => indexSchema(await unwrap(http.GET('/schema', { signal }))),
});

/** What the server thinks of the statement for this target, a moment after typing pauses. */
export function useCheck(sql: string, target: Target, index?: SchemaIndex) {
  const asked = useMemo(() => ({ sql, target }), [sql, target]);
  const [settled] = useDebouncedValue(asked, CHECK_MS);
  const check = useQuery({
    queryKey: ['check', settled],
    enabled: settled.sql.trim() !== '',
    placeholderData: keepPreviousData,
    staleTime: 10_000,
    gcTime: 60_000,
    queryFn: async ({ signal }) => {
      const result = await unwrap(http.POST('/queries/check', { body: settled, signal }));
      return { result, sql: settled.sql };
    },
  });
  // Remarks about an older text would stand at wrong places.
  const isCurrent = check.data?.sql === sql && settled.sql.trim() !== '';
  const found = useMemo<readonly Finding[]>(
    () => (isCurrent && check.data ? findings(check.data.result, check.data.sql, index) : []),
    [check.data, isCurrent, index],
  );
  return {
    /** The answer about the text as it is now; absent while it is being asked. */
    result: isCurrent ? check.data?.result : undefined,
    /** Remarks in order of place. */
    findings: found,
    isChecking: check.isFetching || settled !== asked,
    error: check.error,
  };
}
