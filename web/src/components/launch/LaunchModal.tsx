// SPDX-License-Identifier: Apache-2.0
// The dialog that makes a campaign of a statement: of a saved query, of a live query that has run,
// of a campaign that is to be asked again.

import { Alert, Button, Checkbox, Group, Input, Modal, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useId, useState } from 'react';
import { asProblem } from '@/api/problem';
import type { LaunchRequest, SavedQuery, Target } from '@/api/schema';
import { useIsAdmin } from '@/api/session';
import { settingsQuery } from '@/api/settings';
import { ADMIN_ONLY, GuardedButton } from '@/components/Guarded';
import { AnchorLink } from '@/components/links';
import { SqlView } from '@/components/sql/SqlView';
import { TargetCounts } from '@/components/target/TargetCounts';
import { TargetPicker } from '@/components/target/TargetPicker';
import { missing, OS_FILTER_SENTENCE } from '@/components/target/target';
import { targetWords } from '@/components/target-words';
import { Untrusted } from '@/components/Untrusted';
import { ActionRefusal } from './ActionRefusal';
import { LaunchFields, launchRequest, USUAL_OPTIONS, windowProblem } from './LaunchFields';
import { refusalOf } from './refusal';
import { useLaunch } from './useLaunch';

/** What the dialog is about. */
export interface LaunchSource {
  sql: string;
  /** Whom to ask unless the reader says otherwise. */
  target: Target;
  /** The saved query that the SQL is of, whose scope can then be used. */
  saved?: SavedQuery;
  /** A name to begin with. */
  name?: string;
}

/** Open while there is a source. */
export function LaunchModal({
  source,
  onClose,
  onLaunched,
}: {
  source: LaunchSource | undefined;
  onClose: () => void;
  onLaunched?: (request: LaunchRequest) => void;
}) {
  return (
    <Modal opened={source !== undefined} onClose={onClose} title="Launch as campaign" size="xl">
      {source && <LaunchForm source={source} onClose={onClose} onLaunched={onLaunched} />}
    </Modal>
  );
}

function LaunchForm({
  source,
  onClose,
  onLaunched,
}: {
  source: LaunchSource;
  onClose: () => void;
  onLaunched?: (request: LaunchRequest) => void;
}) {
  const { sql, saved } = source;
  const isAdmin = useIsAdmin();
  const settings = useQuery(settingsQuery);
  const [target, setTarget] = useState(source.target);
  const [useSaved, setUseSaved] = useState(false);
  const [options, setOptions] = useState({ ...USUAL_OPTIONS, name: source.name ?? '' });
  const launch = useLaunch((request) => {
    onClose();
    onLaunched?.(request);
  });
  const refusal = refusalOf(launch.error ? asProblem(launch.error) : undefined);
  const asked = useSaved && saved ? saved.target : target;
  const targetProblem =
    asked.type === 'os_in' && !missing(asked) ? OS_FILTER_SENTENCE : refusal.target;
  const isOff = settings.data?.offline_campaigns_enabled === false;
  const barred = !isAdmin ? ADMIN_ONLY : (missing(asked) ?? windowProblem(options));

  // Text and hosts are sent as they stand here, not by the saved query's id: somebody else may have
  // changed it since, and what is launched must be what was read.
  const submit = () => launch.mutate(launchRequest(sql, asked, options));
  const change =
    <T,>(set: (value: T) => void) =>
    (value: T) => {
      launch.reset();
      set(value);
    };

  return (
    <Stack gap="md">
      {saved && (
        <Text size="sm">
          Saved query{' '}
          <Text span fw={600}>
            <Untrusted text={saved.name} />
          </Text>
        </Text>
      )}
      <div>
        <SqlView sql={sql} label="SQL to launch" maxHeight={200} />
        <Input.Error role="alert" fz="sm" mt={6}>
          {refusal.sql}
        </Input.Error>
      </div>
      {saved && (
        <Checkbox
          label="Use saved query’s target"
          description={`Saved with: ${targetWords(saved.target)}`}
          checked={useSaved}
          onChange={(event) => change(setUseSaved)(event.currentTarget.checked)}
        />
      )}
      {useSaved && saved ? (
        <SavedScope target={saved.target} error={targetProblem} />
      ) : (
        <TargetPicker target={target} onChange={change(setTarget)} error={targetProblem} />
      )}
      <LaunchFields
        options={options}
        onChange={change(setOptions)}
        errors={{ window: refusal.window, name: refusal.name }}
      />
      {(refusal.tick || isOff) && (
        <Alert color="yellow" role={refusal.tick ? 'alert' : undefined}>
          {refusal.tick ??
            'Campaigns are disabled; an administrator can enable them on the Campaigns page.'}{' '}
          <AnchorLink to="/campaigns" underline="always" inherit>
            To the Campaigns page
          </AnchorLink>
        </Alert>
      )}
      <ActionRefusal problem={refusal.action} />
      <Group justify="flex-end">
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <GuardedButton barred={barred} loading={launch.isPending} onClick={submit}>
          Launch as campaign
        </GuardedButton>
      </Group>
    </Stack>
  );
}

function SavedScope({ target, error }: { target: Target; error?: string }) {
  const id = useId();
  return (
    <Input.Wrapper
      label="Saved query’s target"
      labelElement="div"
      labelProps={{ id }}
      error={error}
      errorProps={{ role: 'alert', fz: 'sm', mt: 6 }}
    >
      <Group gap="md" role="group" aria-labelledby={id}>
        <Text size="sm" fw={600}>
          {targetWords(target)}
        </Text>
        <TargetCounts target={target} />
      </Group>
    </Input.Wrapper>
  );
}
