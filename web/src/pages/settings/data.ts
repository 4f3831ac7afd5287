// SPDX-License-Identifier: Apache-2.0
// What the sections on settings read and change.

import { queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { http, unwrap } from '@/api/client';
import { asProblem } from '@/api/problem';
import type { SettingDescription, Settings, SettingsPatch } from '@/api/schema';
import { settingsQuery } from '@/api/settings';
import { notifyDone } from '@/lib/notify';
import { changed, type Draft, type SettingName, toPatch, type Value, wrong } from './draft';

/** What each setting means and may be; changes only with the server's version. */
export const settingsSchemaQuery = queryOptions({
  queryKey: ['settings', 'schema'],
  staleTime: 5 * 60_000,
  queryFn: ({ signal }) => unwrap(http.GET('/settings/schema', { signal })),
});

function useSave() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (patch: Partial<SettingsPatch>) =>
      // Members that have defaults are required by the generated type, though not by the server.
      unwrap(http.PATCH('/settings', { body: patch as SettingsPatch })),
    onSuccess: (settings) => {
      client.setQueryData(settingsQuery.queryKey, settings);
      // What is denied is part of the schema.
      void client.invalidateQueries({ queryKey: ['schema'] });
    },
  });
}

/** Leads to the first field that was refused. */
function focusRefused(): void {
  const field = document.querySelector<HTMLElement>('main [aria-invalid="true"]');
  field?.focus();
  // Not behind the bar at the lower edge.
  field?.scrollIntoView({ block: 'center' });
}

/** Settings in force, the edited ones over them, and what the server said of those. */
export function useDraft() {
  const settings = useQuery(settingsQuery);
  const schema = useQuery(settingsSchemaQuery);
  const [draft, setDraft] = useState<Draft>({});
  const save = useSave();
  const inForce = settings.data;
  const items = schema.data?.items;
  const patch = inForce ? toPatch(draft, inForce) : {};
  const problem = save.error ? asProblem(save.error) : undefined;
  const problemOf = (item: SettingDescription): string | undefined => {
    const name = item.name as SettingName;
    const value = draft[name];
    return (value === undefined ? undefined : wrong(item, value)) ?? problem?.field(name);
  };
  return {
    settings,
    schema,
    items,
    changes: Object.keys(patch).length,
    /** The value as edited. */
    value: (name: SettingName): Value | undefined => draft[name] ?? inForce?.[name],
    set: (name: SettingName, value: Value) => {
      if (!inForce) return;
      save.reset();
      setDraft((before) => changed(before, inForce, name, value));
    },
    /** What is wrong with a member: by its bounds, or by the server's words. */
    problemOf,
    isWrong: items?.some((item) => item.name in draft && problemOf(item) !== undefined) ?? false,
    /** What the server refused. */
    problem,
    isSaving: save.isPending,
    discard: () => {
      save.reset();
      setDraft({});
    },
    save: () =>
      save.mutate(patch, {
        onError: () => requestAnimationFrame(focusRefused),
        onSuccess: (now: Settings) => {
          setDraft((before) => toPatch(before, now) as Draft);
          notifyDone('The settings are saved. Every replica follows within a second.');
        },
      }),
  };
}

/** What {@link useDraft} gives. */
export type SettingsDraft = ReturnType<typeof useDraft>;
