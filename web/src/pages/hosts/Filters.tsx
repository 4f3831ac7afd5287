// SPDX-License-Identifier: Apache-2.0
// What the list of hosts is narrowed by. Each status says how many hosts it would show.

import { Button, Group, NativeSelect, Text } from '@mantine/core';
import type { HostStatus, Platform } from '@/api/schema';
import { platformWord } from '@/components/platform-words';
import { SearchInput } from '@/components/SearchInput';
import { count } from '@/lib/format';
import { useHostCounts } from './data';
import { type HostFilters, PLATFORMS, STATUSES } from './search';

const PLATFORM_CHOICES = [
  { value: '', label: 'All platforms' },
  ...PLATFORMS.map((value) => ({ value, label: platformWord(value) })),
];

interface FiltersProps {
  filters: HostFilters;
  onChange: (next: HostFilters) => void;
}

/** Status, text and platform. */
export function Filters({ filters, onChange }: FiltersProps) {
  const counts = useHostCounts(filters);
  const all = counts && counts.online + counts.stale + counts.offline + counts.decommissioned;
  return (
    <Group gap="sm">
      <SearchInput
        label="Search by name, identifier, serial, address"
        value={filters.q ?? ''}
        onSearch={(q) => onChange({ ...filters, q: q || undefined })}
        isPageSearch
        w={360}
        maw="100%"
      />
      <NativeSelect
        aria-label="Platform"
        data={PLATFORM_CHOICES}
        value={filters.platform ?? ''}
        onChange={(event) => {
          const platform = (event.currentTarget.value || undefined) as Platform | undefined;
          onChange({ ...filters, platform });
        }}
      />
      <Group gap={4} role="group" aria-label="Status">
        {[undefined, ...STATUSES].map((status) => (
          <StatusButton
            key={status ?? 'all'}
            status={status}
            hosts={status ? counts?.[status] : all}
            filters={filters}
            onChange={onChange}
          />
        ))}
      </Group>
    </Group>
  );
}

function StatusButton({
  status,
  hosts,
  filters,
  onChange,
}: FiltersProps & { status: HostStatus | undefined; hosts: number | undefined }) {
  const chosen = filters.status === status;
  return (
    <Button
      size="sm"
      px="sm"
      variant={chosen ? 'light' : 'default'}
      aria-pressed={chosen}
      onClick={() => onChange({ ...filters, status })}
      rightSection={
        hosts !== undefined && (
          <Text span size="sm" fw={400} style={{ fontVariantNumeric: 'tabular-nums' }}>
            {count(hosts)}
          </Text>
        )
      }
      tt="capitalize"
    >
      {status ?? 'all'}
    </Button>
  );
}
