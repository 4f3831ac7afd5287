// SPDX-License-Identifier: Apache-2.0
// Queries: write SQL, ask it live, save it, or launch it as a campaign.

import { Stack } from '@mantine/core';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback, useRef, useState } from 'react';
import { LaunchModal, type LaunchSource } from '@/components/launch/LaunchModal';
import { Page } from '@/components/Page';
import { formatSql } from '@/components/sql/format';
import type { SqlEditorHandle } from '@/components/sql/types';
import { useChosenHosts } from '@/components/target/queries';
import { platformsOf } from '@/components/target/target';
import { notifyProblem } from '@/lib/notify';
import { Composer } from './Composer';
import { useRunKey, useSame } from './hooks';
import { Notices } from './Notices';
import classes from './queries.module.css';
import { Results } from './Results';
import { SidePanel, useSide } from './Sides';
import { SavedRail } from './saved/SavedRail';
import { useSaved } from './saved/useSaved';
import { Toolbar } from './Toolbar';
import { TablesPanel } from './tables/TablesPanel';
import { useDraft } from './useDraft';
import { useSubmit } from './useSubmit';

/** The page. */
export default function QueriesPage() {
  const search = useSearch({ from: '/queries' });
  const navigate = useNavigate({ from: '/queries' });
  const editor = useRef<SqlEditorHandle>(null);
  const [launching, setLaunching] = useState<LaunchSource>();
  const [rail, tables] = [useSide('saved'), useSide('tables')];
  const text = useDraft();
  const { sql, target } = text.draft;
  const run = useSubmit({ sql, target });
  const saved = useSaved({ text, run, onLaunch: setLaunching });
  const chosen = useChosenHosts(target);
  const platforms = useSame(platformsOf(target, chosen));
  useRunKey(run.submit);

  const closeDrawers = () => {
    if (!rail.isColumn) rail.close();
  };
  const { isColumn: hasTables, close: closeTables } = tables;
  const insert = useCallback(
    (name: string) => {
      if (!hasTables) closeTables();
      editor.current?.insert(name);
    },
    [hasTables, closeTables],
  );
  const { forget } = run;
  const setSql = useCallback(
    (next: string) => {
      text.setSql(next);
      forget();
    },
    [text.setSql, forget],
  );

  const latest = useRef(sql);
  latest.current = sql;
  const format = () => {
    formatSql(sql).then(
      // What was typed while the formatter was fetched is not undone.
      (laidOut) => latest.current === sql && setSql(laidOut),
      () =>
        notifyProblem(
          new Error('The text is no SQL that can be laid out; it stays as it is.'),
          'Not formatted',
        ),
    );
  };

  return (
    <Page title="Queries">
      <Stack gap="md">
        <div className={classes.columns}>
          <SidePanel side={rail} label="Saved queries" position="left">
            {(corner) => (
              <SavedRail
                q={search.q}
                openId={search.saved}
                corner={corner}
                onSearch={(q) =>
                  void navigate({
                    resetScroll: false,
                    search: (now) => ({ ...now, q }),
                    replace: true,
                  })
                }
                onNew={() => {
                  closeDrawers();
                  text.start('');
                  editor.current?.focus();
                }}
                onAction={(verb, query) => {
                  closeDrawers();
                  saved.act(verb, query);
                }}
              />
            )}
          </SidePanel>
          <div className={classes.middle}>
            <Composer
              ref={editor}
              sql={sql}
              target={target}
              platforms={platforms}
              isLoading={text.isLoading}
              run={run}
              onSql={setSql}
              onTarget={(next) => {
                text.setTarget(next);
                forget();
              }}
              toolbar={
                <Toolbar
                  saved={saved.open}
                  isDirty={saved.isDirty}
                  isEmpty={sql.trim() === ''}
                  isSaving={saved.isSaving}
                  onShowSaved={rail.isOpen ? undefined : rail.open}
                  onShowTables={tables.isOpen ? undefined : tables.open}
                  onSave={saved.save}
                  onSaveAs={saved.saveAs}
                  onFormat={format}
                  onPick={(item) => text.start(item.sql, item.target)}
                />
              }
              notices={<Notices text={text} saved={saved} />}
            />
          </div>
          <SidePanel side={tables} label="Tables" position="right">
            {(corner) => <TablesPanel platforms={platforms} onInsert={insert} corner={corner} />}
          </SidePanel>
        </div>
        {search.live && (
          <Results
            id={search.live}
            onClose={() =>
              void navigate({ resetScroll: false, search: (now) => ({ ...now, live: undefined }) })
            }
            onLaunch={setLaunching}
          />
        )}
      </Stack>
      {saved.dialogs}
      <LaunchModal
        source={launching}
        onClose={() => setLaunching(undefined)}
        onLaunched={(asked) => run.note(asked, 'campaign')}
      />
    </Page>
  );
}
