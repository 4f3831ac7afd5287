// SPDX-License-Identifier: Apache-2.0
// Everything the page does with saved queries, and the dialogs for it.

import { Text } from '@mantine/core';
import { modals } from '@mantine/modals';
import { useState } from 'react';
import type { SavedQuery } from '@/api/schema';
import type { LaunchSource } from '@/components/launch/LaunchModal';
import { notifyDone, notifyProblem } from '@/lib/notify';
import { excerpt } from '@/lib/untrusted';
import { Overtaken, useDelete, useSave } from '../data';
import type { useDraft } from '../useDraft';
import type { useSubmit } from '../useSubmit';
import type { SavedVerb } from './actions';
import { OvertakenAlert, SaveDialog, type SaveSource } from './SaveDialog';
import { VersionsDialog } from './VersionsDialog';

/** What it works on. */
export interface UseSaved {
  text: ReturnType<typeof useDraft>;
  run: ReturnType<typeof useSubmit>;
  onLaunch: (source: LaunchSource) => void;
}

/** The saved query that is open, and what can be done. `dialogs` are to be drawn somewhere. */
export function useSaved({ text, run, onLaunch }: UseSaved) {
  const { draft } = text;
  const [source, setSource] = useState<SaveSource>();
  const [versionsOf, setVersionsOf] = useState<SavedQuery>();
  const save = useSave();
  const remove = useDelete();
  const open = text.saved?.data;
  const isDirty = open !== undefined && draft.saved?.id === open.id && draft.sql !== open.sql;

  const saveOver = (query: SavedQuery, version: number | undefined) =>
    save.mutate(
      {
        id: query.id,
        version,
        body: {
          name: query.name,
          description: query.description,
          sql: draft.sql,
          target: query.target,
        },
      },
      {
        onSuccess: (done) => {
          text.settled(done);
          notifyDone(`Saved as version ${done.version}.`);
        },
        onError: (error) => {
          if (error instanceof Overtaken) confirmOver(error.current);
          else notifyProblem(error, 'Not saved');
        },
      },
    );

  const confirmOver = (current: SavedQuery) =>
    modals.openConfirmModal({
      title: 'Save over it?',
      children: <OvertakenAlert query={current} />,
      labels: { confirm: 'Save over it', cancel: 'Cancel' },
      onConfirm: () => saveOver(current, undefined),
    });

  const confirmDelete = (query: SavedQuery) =>
    modals.openConfirmModal({
      title: 'Delete saved query?',
      children: (
        <Text size="sm">
          “{excerpt(query.name, 100).text}” is taken off the list for everybody. Campaigns that were
          launched from it are not touched.
        </Text>
      ),
      labels: { confirm: 'Delete', cancel: 'Cancel' },
      confirmProps: { color: 'red' },
      onConfirm: () =>
        remove.mutate(query, {
          onSuccess: () => {
            if (draft.saved?.id === query.id) text.start(draft.sql);
            notifyDone('The saved query is deleted.');
          },
          onError: (error) => notifyProblem(error, 'Not deleted'),
        }),
    });

  const act = (verb: SavedVerb, query: SavedQuery) => {
    const acts: Record<SavedVerb, () => void> = {
      open: () => text.open(query),
      run: () => {
        text.open(query);
        run.runLive({ sql: query.sql, target: draft.target });
      },
      launch: () => onLaunch({ sql: query.sql, target: draft.target, saved: query }),
      edit: () => setSource({ query, sql: query.sql, target: query.target }),
      versions: () => setVersionsOf(query),
      delete: () => confirmDelete(query),
    };
    acts[verb]();
  };

  const dialogs = (
    <>
      <SaveDialog
        source={source}
        onClose={() => setSource(undefined)}
        onSaved={(query) => {
          notifyDone(source?.query ? `Saved as version ${query.version}.` : 'The query is saved.');
          if (!source?.query) text.settled(query);
          else if (draft.saved?.id === query.id && !isDirty) text.open(query);
        }}
      />
      <VersionsDialog
        query={versionsOf}
        onClose={() => setVersionsOf(undefined)}
        onUse={(sql) => {
          if (versionsOf) text.open(versionsOf);
          text.setSql(sql);
          setVersionsOf(undefined);
        }}
      />
    </>
  );

  return {
    /** The one in the editor, as the server has it. */
    open,
    isDirty,
    isSaving: save.isPending,
    act,
    save: () => open && saveOver(open, draft.saved?.version),
    saveAs: () => setSource({ sql: draft.sql, target: draft.target }),
    dialogs,
  };
}
