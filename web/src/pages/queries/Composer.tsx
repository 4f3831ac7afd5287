// SPDX-License-Identifier: Apache-2.0
// The middle of the page: text, what the server says of it, whom to ask, and the button.

import { Card, Input, Skeleton, Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, type Ref, useId, useRef } from 'react';
import type { Platform, Target } from '@/api/schema';
import type { Finding } from '@/components/sql/findings';
import { schemaQuery, useCheck } from '@/components/sql/queries';
import { SqlEditor } from '@/components/sql/SqlEditor';
import type { SqlEditorHandle } from '@/components/sql/types';
import { TargetPicker } from '@/components/target/TargetPicker';
import { FindingsList } from './FindingsList';
import { RunArea } from './RunArea';
import type { useSubmit } from './useSubmit';

/** Height of the editor until the reader drags it. */
const EDITOR_PX = 190;

/** What the composer is given. */
export interface ComposerProps {
  sql: string;
  target: Target;
  platforms: readonly Platform[] | undefined;
  isLoading: boolean;
  run: ReturnType<typeof useSubmit>;
  onSql: (sql: string) => void;
  onTarget: (target: Target) => void;
  /** Stands above the editor. */
  toolbar: ReactNode;
  /** Stands between the editor and the target. */
  notices?: ReactNode;
  ref: Ref<SqlEditorHandle>;
}

function isNotBlocked({ kind }: Finding): boolean {
  return kind !== 'blocked';
}

/** The card in the middle. */
export function Composer(props: ComposerProps) {
  const { sql, target, platforms, run, ref } = props;
  const id = useId();
  const schema = useQuery(schemaQuery).data;
  const check = useCheck(sql, target, schema);
  const handle = useRef<SqlEditorHandle>(null);
  return (
    <Card withBorder p="md" component="section" aria-label="Query">
      <Stack gap="sm">
        {props.toolbar}
        {props.isLoading ? (
          <Skeleton height={EDITOR_PX} />
        ) : (
          <SqlEditor
            label="SQL"
            height={EDITOR_PX}
            value={sql}
            onChange={props.onSql}
            onRun={run.submit}
            schema={schema}
            platforms={platforms}
            findings={check.findings}
            describedBy={id}
            ref={(editor) => {
              handle.current = editor;
              if (typeof ref === 'function') ref(editor);
              else if (ref) ref.current = editor;
            }}
          />
        )}
        {run.refusal.sql && (
          <Input.Error role="alert" fz="sm" lh={1.45}>
            {run.refusal.sql}
          </Input.Error>
        )}
        <FindingsList
          id={id}
          isEmpty={sql.trim() === ''}
          result={check.result}
          // What has just been refused stands above, in full.
          findings={run.refusal.sql ? check.findings.filter(isNotBlocked) : check.findings}
          error={check.error}
          onSelect={(from, to) => handle.current?.select(from, to)}
        />
        {props.notices}
        <TargetPicker target={target} onChange={props.onTarget} error={run.refusal.target} />
        <RunArea run={run} />
      </Stack>
    </Card>
  );
}
