// SPDX-License-Identifier: Apache-2.0
// Dropping a campaign's rows: the one thing here that cannot be undone, so its name is typed.

import { Alert, Button, Code, Group, Modal, Stack, Text, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { asProblem } from '@/api/problem';
import type { Campaign } from '@/api/schema';
import { counted } from '@/lib/format';
import { notifyDone } from '@/lib/notify';
import { visible } from '@/lib/untrusted';
import { useChange } from './change';

/** The dialog. */
export function DropRowsModal({
  campaign,
  opened,
  onClose,
}: {
  campaign: Campaign;
  opened: boolean;
  onClose: () => void;
}) {
  return (
    <Modal opened={opened} onClose={onClose} title="Drop the rows of this campaign?" size="lg">
      <DropForm campaign={campaign} onClose={onClose} />
    </Modal>
  );
}

function DropForm({ campaign, onClose }: { campaign: Campaign; onClose: () => void }) {
  const [typed, setTyped] = useState('');
  const drop = useChange(campaign.id);
  const problem = drop.error ? asProblem(drop.error) : undefined;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (typed !== campaign.name) return;
    drop.mutate(
      { action: 'drop-rows', confirm: typed },
      {
        onSuccess: () => {
          onClose();
          notifyDone('The rows are dropped. The record, the ledger and the counts are kept.');
        },
      },
    );
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        <Text size="sm">
          {counted(campaign.coverage.rows_stored, 'row')} of{' '}
          {counted(campaign.coverage.with_rows, 'host')} will be gone for good. Export them first if
          anybody may need them. The record of the campaign, its ledger and its counts stay.
        </Text>
        <Text size="sm" component="div" style={{ overflowWrap: 'anywhere' }}>
          To confirm, type the campaign’s name: <Code>{visible(campaign.name)}</Code>
        </Text>
        <TextInput
          label="Name of the campaign"
          autoComplete="off"
          spellCheck={false}
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
          error={problem?.field('confirm')}
          data-autofocus
        />
        {problem && problem.errors.length === 0 && (
          <Alert color="red" role="alert" title="Nothing was changed">
            {problem.detail}
          </Alert>
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button
            type="submit"
            color="red"
            disabled={typed !== campaign.name}
            loading={drop.isPending}
          >
            Drop rows
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
