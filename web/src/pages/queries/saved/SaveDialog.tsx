// SPDX-License-Identifier: Apache-2.0
// Saving a query under a new name, and editing a saved one: name, description, SQL, scope.

import {
  Alert,
  Button,
  Group,
  Input,
  Modal,
  Stack,
  Text,
  Textarea,
  TextInput,
} from '@mantine/core';
import { useState } from 'react';
import { asProblem } from '@/api/problem';
import type { SavedQuery, Target } from '@/api/schema';
import { GuardedButton } from '@/components/Guarded';
import { refusalOf } from '@/components/launch/refusal';
import { Moment } from '@/components/Moment';
import { SqlEditor } from '@/components/sql/SqlEditor';
import { TargetPicker } from '@/components/target/TargetPicker';
import { missing } from '@/components/target/target';
import { Untrusted } from '@/components/Untrusted';
import { Overtaken, useSave } from '../data';

/** Characters that the server takes. */
const NAME_CHARS_MAX = 200;
const DESCRIPTION_CHARS_MAX = 2_000;

/** What the dialog begins with. */
export interface SaveSource {
  /** The saved query to change; a new one is made without it. */
  query?: SavedQuery;
  sql: string;
  target: Target;
}

/** Open while there is a source. */
export function SaveDialog({
  source,
  onClose,
  onSaved,
}: {
  source: SaveSource | undefined;
  onClose: () => void;
  onSaved: (query: SavedQuery) => void;
}) {
  return (
    <Modal
      opened={source !== undefined}
      onClose={onClose}
      title={source?.query ? 'Edit saved query' : 'Save query'}
      size="xl"
    >
      {source && <SaveForm source={source} onClose={onClose} onSaved={onSaved} />}
    </Modal>
  );
}

function SaveForm({
  source,
  onClose,
  onSaved,
}: {
  source: SaveSource;
  onClose: () => void;
  onSaved: (query: SavedQuery) => void;
}) {
  const { query } = source;
  const [name, setName] = useState(query?.name ?? '');
  const [description, setDescription] = useState(query?.description ?? '');
  const [sql, setSql] = useState(source.sql);
  const [target, setTarget] = useState(source.target);
  const save = useSave();
  const overtaken = save.error instanceof Overtaken ? save.error.current : undefined;
  const problem = save.error && !overtaken ? asProblem(save.error) : undefined;
  const refusal = refusalOf(problem);
  const isTaken = problem?.code === 'conflict';
  const barred = name.trim() === '' ? 'Give it a name.' : missing(target);
  const submit = () =>
    save.mutate(
      {
        id: query?.id,
        // Pressed again after the warning, it is meant.
        version: overtaken ? overtaken.version : query?.version,
        body: { name: name.trim(), description, sql, target },
      },
      {
        onSuccess: (done) => {
          onClose();
          onSaved(done);
        },
      },
    );
  return (
    <Stack gap="md">
      <TextInput
        label="Name"
        required
        withAsterisk={false}
        maxLength={NAME_CHARS_MAX}
        data-autofocus
        value={name}
        error={isTaken ? problem?.detail : refusal.name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <Textarea
        label="Description"
        description="What it is for, and what to look for in its answers."
        autosize
        minRows={2}
        maxRows={6}
        maxLength={DESCRIPTION_CHARS_MAX}
        value={description}
        error={problem?.field('description')}
        onChange={(event) => setDescription(event.currentTarget.value)}
      />
      <Input.Wrapper
        label="SQL"
        labelElement="div"
        error={refusal.sql}
        errorProps={{ role: 'alert' }}
      >
        <SqlEditor label="SQL of the saved query" height={160} value={sql} onChange={setSql} />
      </Input.Wrapper>
      <TargetPicker label="Scope" target={target} onChange={setTarget} error={refusal.target} />
      {overtaken && <OvertakenAlert query={overtaken} />}
      {refusal.action && !isTaken && !problem?.field('description') && (
        <Alert color="red" role="alert">
          {refusal.action.detail}
        </Alert>
      )}
      <Group justify="flex-end">
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <GuardedButton barred={barred} loading={save.isPending} onClick={submit}>
          {overtaken ? 'Save over it' : 'Save'}
        </GuardedButton>
      </Group>
    </Stack>
  );
}

/** Says who was faster. */
export function OvertakenAlert({ query }: { query: SavedQuery }) {
  return (
    <Alert color="yellow" role="alert" title="Somebody saved another version meanwhile">
      <Text size="sm">
        Version {query.version} is by <Untrusted text={query.updated_by.username} max={64} />,{' '}
        <Moment at={query.updated_at} />. Saving again puts yours on top; theirs stays among the
        versions.
      </Text>
    </Alert>
  );
}
