// SPDX-License-Identifier: Apache-2.0
// What an operator must know before trusting the numbers: what tripped, what waits,
// what was doubtful about the query.

import { Alert, List, Text } from '@mantine/core';
import { IconAlertTriangle, IconPlayerPause } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import type { Campaign } from '@/api/schema';
import { settingsQuery } from '@/api/settings';
import { counted } from '@/lib/format';
import { waiting } from './words';

/** Banners; nothing when there is nothing to warn of. */
export function Warnings({ campaign }: { campaign: Campaign }) {
  const settings = useQuery(settingsQuery);
  const isOff = settings.data?.offline_campaigns_enabled === false;
  const auto = campaign.stop_code === 'auto_stopped_aggregate_row_cap';
  // The server's last sentence is the one about the cap.
  const tripped = auto ? campaign.warnings.at(-1) : undefined;
  const others = auto ? campaign.warnings.slice(0, -1) : campaign.warnings;
  return (
    <>
      {auto && <AutoStopped campaign={campaign} tripped={tripped ?? ''} />}
      {isOff && campaign.status === 'active' && waiting(campaign.coverage) > 0 && (
        <Alert color="yellow" icon={<IconPlayerPause />} title="Campaigns are disabled">
          Nothing is handed to hosts until an administrator enables campaigns again; what is pending
          waits.
        </Alert>
      )}
      {others.length > 0 && (
        <Alert color="yellow" variant="light" title="Worth knowing">
          <List size="sm">
            {others.map((warning) => (
              <List.Item key={warning}>{warning}</List.Item>
            ))}
          </List>
        </Alert>
      )}
    </>
  );
}

function AutoStopped({ campaign, tripped }: { campaign: Campaign; tripped: string }) {
  const { coverage } = campaign;
  return (
    <Alert
      color="orange"
      variant="light"
      role="status"
      icon={<IconAlertTriangle />}
      title="This campaign stopped itself: it reached the row cap"
    >
      <Text size="sm">{tripped}</Text>
      <Text size="sm" mt={4}>
        Kept: {counted(coverage.rows_stored, 'row')} of {counted(coverage.responded, 'host')}. Not
        asked any more: {counted(coverage.cancelled, 'host')}. Answered too late to be stored:{' '}
        {counted(coverage.rejected, 'host')}.
      </Text>
    </Alert>
  );
}
