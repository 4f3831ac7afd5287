// SPDX-License-Identifier: Apache-2.0
// What was it looking for? The payload as it was launched, and the ways to go on from it.

import { Button, CopyButton, Group, Text } from '@mantine/core';
import { IconCheck, IconCopy, IconPencil, IconRepeat } from '@tabler/icons-react';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import type { Campaign } from '@/api/schema';
import { useIsAdmin } from '@/api/session';
import { Hash } from '@/components/Copy';
import { ADMIN_ONLY, GuardedButton } from '@/components/Guarded';
import { LaunchModal, type LaunchSource } from '@/components/launch/LaunchModal';
import { handOver, SqlView } from '@/components/sql';
import { Panel } from './Panel';

/** The card. */
export function FrozenCard({ campaign }: { campaign: Campaign }) {
  const { sql, spec_sha256 } = campaign.frozen;
  const navigate = useNavigate();
  const title = campaign.kind === 'ioc_hunt' ? 'Frozen IOCs' : 'Frozen SQL';
  return (
    <Panel
      id="frozen"
      title={title}
      actions={
        <Group gap="xs">
          <CopyButton value={sql} timeout={1500}>
            {({ copied, copy }) => (
              <Button
                size="xs"
                variant="default"
                leftSection={copied ? <IconCheck size={16} /> : <IconCopy size={16} />}
                onClick={copy}
              >
                {copied ? 'Copied' : 'Copy'}
              </Button>
            )}
          </CopyButton>
          <Button
            size="xs"
            variant="default"
            leftSection={<IconPencil size={16} />}
            onClick={() => void navigate({ to: '/queries', search: handOver(sql) as never })}
          >
            Open in editor
          </Button>
          {campaign.kind === 'osquery' && <LaunchAgain campaign={campaign} />}
        </Group>
      }
    >
      <SqlView sql={sql} label="SQL of this campaign" />
      <Text size="sm" c="dimmed" mt="xs" component="div">
        Exactly what every host is asked; it never changes. Hash of the payload:{' '}
        <Hash value={spec_sha256} label="hash of the payload" />
      </Text>
    </Panel>
  );
}

/** The same query as a new campaign; whom it asks can be changed before. */
function LaunchAgain({ campaign }: { campaign: Campaign }) {
  const isAdmin = useIsAdmin();
  const [source, setSource] = useState<LaunchSource>();
  const { name, target, frozen } = campaign;
  return (
    <>
      <GuardedButton
        size="xs"
        variant="default"
        leftSection={<IconRepeat size={16} />}
        barred={isAdmin ? undefined : ADMIN_ONLY}
        onClick={() => setSource({ sql: frozen.sql, target, name })}
      >
        Launch again
      </GuardedButton>
      <LaunchModal source={source} onClose={() => setSource(undefined)} />
    </>
  );
}
