// SPDX-License-Identifier: Apache-2.0
// Every text a saved query ever had: who changed what, when, and a way back.

import { Accordion, Badge, Button, Group, Modal, Stack, Text } from '@mantine/core';
import type { SavedQuery, SavedQueryVersion } from '@/api/schema';
import { Moment } from '@/components/Moment';
import { SqlView } from '@/components/sql/SqlView';
import { Loaded } from '@/components/states';
import { targetWords } from '@/components/target-words';
import { Untrusted } from '@/components/Untrusted';
import { useVersions } from '../data';

/** Open while there is a query. */
export function VersionsDialog({
  query,
  onClose,
  onUse,
}: {
  query: SavedQuery | undefined;
  onClose: () => void;
  /** Takes a version's SQL into the editor. */
  onUse: (sql: string) => void;
}) {
  const versions = useVersions(query?.id);
  return (
    <Modal
      opened={query !== undefined}
      onClose={onClose}
      title={<Untrusted text={`Versions of ${query?.name ?? ''}`} max={100} />}
      size="xl"
    >
      <Loaded query={versions}>
        {({ items }) => (
          <Accordion variant="separated" defaultValue={String(items[0]?.version)}>
            {items.map((version, place) => (
              <Accordion.Item key={version.version} value={String(version.version)}>
                <Accordion.Control>
                  <Group gap="sm">
                    <Text size="sm" fw={600}>
                      Version {version.version}
                    </Text>
                    {place === 0 && <Badge variant="light">current</Badge>}
                    <Text size="sm" c="dimmed">
                      <Untrusted text={version.updated_by.username} max={64} />,{' '}
                      <Moment at={version.updated_at} />
                    </Text>
                    <Text size="sm">{changes(version, items[place + 1])}</Text>
                  </Group>
                </Accordion.Control>
                <Accordion.Panel>
                  <Version version={version} onUse={() => onUse(version.sql)} />
                </Accordion.Panel>
              </Accordion.Item>
            ))}
          </Accordion>
        )}
      </Loaded>
    </Modal>
  );
}

function Version({ version, onUse }: { version: SavedQueryVersion; onUse: () => void }) {
  return (
    <Stack gap="xs">
      <Text size="sm" fw={600}>
        <Untrusted text={version.name} />
      </Text>
      {version.description && (
        <Text size="sm">
          <Untrusted text={version.description} max={2_000} />
        </Text>
      )}
      <SqlView sql={version.sql} label={`SQL of version ${version.version}`} maxHeight={220} />
      <Group justify="space-between">
        <Text size="sm">Scope: {targetWords(version.target)}</Text>
        <Button size="xs" variant="default" onClick={onUse}>
          Open in editor
        </Button>
      </Group>
    </Stack>
  );
}

/** Which parts differ from the version before. */
function changes(now: SavedQueryVersion, before: SavedQueryVersion | undefined): string {
  if (!before) return 'created';
  const parts = [
    now.name !== before.name && 'name',
    now.description !== before.description && 'description',
    now.sql !== before.sql && 'SQL',
    JSON.stringify(now.target) !== JSON.stringify(before.target) && 'scope',
  ].filter((part) => part !== false);
  return parts.length > 0 ? `changed ${parts.join(', ')}` : 'saved unchanged';
}
