// SPDX-License-Identifier: Apache-2.0
// What the list of campaigns is narrowed by.

import { Group, NativeSelect } from '@mantine/core';
import type { CampaignKind, CampaignStatus } from '@/api/schema';
import { SearchInput } from '@/components/SearchInput';
import type { CampaignsSearch } from './search';

const STATUSES = [
  { value: '', label: 'Active and stopped' },
  { value: 'active', label: 'Active' },
  { value: 'stopped', label: 'Stopped' },
  { value: 'archived', label: 'Archived' },
];
const KINDS = [
  { value: '', label: 'All kinds' },
  { value: 'osquery', label: 'osquery' },
  { value: 'ioc_hunt', label: 'ioc_hunt' },
];

/** Text, status and kind. */
export function Filters({
  search,
  onChange,
}: {
  search: CampaignsSearch;
  onChange: (next: CampaignsSearch) => void;
}) {
  return (
    <Group gap="sm">
      <SearchInput
        label="Search by name or by who launched"
        value={search.q ?? ''}
        onSearch={(q) => onChange({ ...search, q: q || undefined })}
        isPageSearch
        w={320}
        maw="100%"
      />
      <NativeSelect
        aria-label="Status"
        data={STATUSES}
        value={search.status ?? ''}
        onChange={(event) => {
          const status = (event.currentTarget.value || undefined) as CampaignStatus | undefined;
          onChange({ ...search, status });
        }}
      />
      <NativeSelect
        aria-label="Kind"
        data={KINDS}
        value={search.kind ?? ''}
        onChange={(event) => {
          const kind = (event.currentTarget.value || undefined) as CampaignKind | undefined;
          onChange({ ...search, kind });
        }}
      />
    </Group>
  );
}
