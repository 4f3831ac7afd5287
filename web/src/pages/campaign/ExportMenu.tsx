// SPDX-License-Identifier: Apache-2.0
// The button that exports all rows, and what shows how far that is.

import { Alert, Anchor, Progress as Bar, Button, Group, Menu, Stack, Text } from '@mantine/core';
import { IconChevronDown, IconDownload } from '@tabler/icons-react';
import { asProblem } from '@/api/problem';
import type { Campaign } from '@/api/schema';
import { GuardedButton } from '@/components/Guarded';
import { bytes, count, counted } from '@/lib/format';
import { exportUrl, FORMATS, type Format, type Progress } from './export';
import type { ExportState } from './useExport';

const ALL = Object.keys(FORMATS) as Format[];

const LOOK = { size: 'xs', variant: 'default', leftSection: <IconDownload size={16} /> };

/** The button; `barred` says why there is nothing to export. */
export function ExportMenu({
  barred,
  onExport,
}: {
  barred: string | undefined;
  onExport: (format: Format) => void;
}) {
  if (barred) {
    return (
      <GuardedButton {...LOOK} barred={barred}>
        Export
      </GuardedButton>
    );
  }
  return (
    <Menu position="bottom-end" width={220} withInitialFocusPlaceholder={false}>
      <Menu.Target>
        <Button {...LOOK} rightSection={<IconChevronDown size={14} />}>
          Export
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>All rows of all hosts, whatever is filtered here</Menu.Label>
        {ALL.map((format) => (
          <Menu.Item key={format} onClick={() => onExport(format)}>
            {FORMATS[format].label}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

function soFar(progress: Progress, total: number): string {
  const size = bytes(progress.bytes);
  if (progress.rows === undefined) return size;
  return `${count(progress.rows)} of ${counted(total, 'row')}, ${size}`;
}

/** What the export is doing; nothing when there is none. */
export function ExportProgress({
  campaign,
  state,
  onCancel,
}: {
  campaign: Campaign;
  state: ExportState | undefined;
  onCancel: () => void;
}) {
  if (!state) return null;
  const total = campaign.coverage.rows_stored;
  const { label } = FORMATS[state.format];
  switch (state.is) {
    case 'running': {
      const { rows } = state.progress;
      const known = rows !== undefined && total > 0;
      const value = known ? Math.min(100, (100 * rows) / total) : 100;
      return (
        <Stack gap={4} mb="sm">
          <Group justify="space-between">
            <Text size="sm">
              Exporting {label}: {soFar(state.progress, total)}
            </Text>
            <Button size="compact-sm" variant="default" onClick={onCancel}>
              Cancel export
            </Button>
          </Group>
          <Bar value={value} animated={!known} aria-label={`Export of ${label}`} />
        </Stack>
      );
    }
    case 'done':
      return (
        <Group justify="space-between" mb="sm">
          <Text size="sm" role="status">
            Exported {label}:{' '}
            {state.progress.rows === undefined ? '' : `${counted(state.progress.rows, 'row')}, `}
            {bytes(state.progress.bytes)}.
          </Text>
          <Button size="compact-sm" variant="subtle" onClick={onCancel}>
            Close
          </Button>
        </Group>
      );
    case 'failed':
      return (
        <Alert color="red" role="alert" mb="sm" withCloseButton onClose={onCancel}>
          {asProblem(state.error).detail}
        </Alert>
      );
    case 'too large':
      return (
        <Alert
          color="yellow"
          mb="sm"
          withCloseButton
          onClose={onCancel}
          title="Too much to collect"
        >
          This browser cannot write such an export piece by piece.{' '}
          <Anchor href={exportUrl(campaign.id, state.format)} download inherit>
            Download {label} with the browser
          </Anchor>{' '}
          instead; its list of downloads shows how far it is.
        </Alert>
      );
  }
}
