// SPDX-License-Identifier: Apache-2.0
// Choosing hosts by name: the server searches, several may be chosen.

import { Group, Loader, MultiSelect, Text } from '@mantine/core';
import { useState } from 'react';
import type { Host } from '@/api/schema';
import { HostStatusMark } from '@/components/marks';
import { count, counted } from '@/lib/format';
import { excerpt } from '@/lib/untrusted';
import { NAMED_HOSTS_MAX, useChosenHosts, useFoundHosts } from './queries';
import { TARGET_HOSTS_MAX } from './target';

/** What the picker is given. */
export interface HostPickerProps {
  ids: string[];
  onChange: (ids: string[]) => void;
  error?: string;
  disabled?: boolean;
}

function label(host: Host): string {
  return excerpt(host.hostname || host.id, 80).text;
}

/** A field that searches while one types. */
export function HostPicker({ ids, onChange, error, disabled }: HostPickerProps) {
  const [text, setText] = useState('');
  const [open, setOpen] = useState(false);
  const found = useFoundHosts(text, open);
  const chosen = useChosenHosts({ type: 'hosts', host_ids: ids });
  const known = new Map<string, Host>();
  for (const host of [...chosen, ...(found.data?.items ?? [])]) known.set(host.id, host);
  // A long list, taken over from elsewhere, is told by its number: tags by the thousand help nobody.
  const shown = ids.slice(0, NAMED_HOSTS_MAX);
  const rest = ids.slice(NAMED_HOSTS_MAX);
  const data = [
    ...[...known.values()].map((host) => ({ value: host.id, label: label(host) })),
    ...shown.filter((id) => !known.has(id)).map((id) => ({ value: id, label: id })),
  ];
  const { items = [], total } = found.data ?? {};
  const isCut = open && (total ?? 0) > items.length;
  return (
    <MultiSelect
      label="Hosts"
      placeholder={ids.length === 0 ? 'Name, identifier, serial number or address' : undefined}
      description={
        rest.length > 0
          ? `and ${counted(rest.length, 'more host')} that are not shown`
          : isCut &&
            `${items.length} of ${count(total ?? 0)} hosts are listed; type to find others.`
      }
      searchable
      clearable
      hidePickedOptions
      disabled={disabled}
      error={error}
      data={data}
      value={shown}
      maxValues={TARGET_HOSTS_MAX}
      searchValue={text}
      onSearchChange={setText}
      onDropdownOpen={() => setOpen(true)}
      onDropdownClose={() => setOpen(false)}
      onChange={(next) => onChange(next.length === 0 ? [] : [...next, ...rest])}
      // The server has searched, also in what is not shown here.
      filter={({ options }) => options.filter((option) => isFound(option, items))}
      renderOption={({ option }) => <HostOption host={known.get(option.value)} />}
      nothingFoundMessage={found.isFetching ? 'Searching…' : 'No host is found by this text.'}
      rightSection={open && found.isFetching ? <Loader size="xs" /> : undefined}
      comboboxProps={{ shadow: 'md' }}
      maxDropdownHeight={280}
    />
  );
}

function isFound(option: object, items: readonly Host[]): boolean {
  return 'value' in option && items.some(({ id }) => id === option.value);
}

function HostOption({ host }: { host: Host | undefined }) {
  if (!host) return null;
  return (
    <Group gap="sm" wrap="nowrap" justify="space-between" w="100%">
      <Text size="sm" truncate>
        {label(host)}
      </Text>
      <Group gap="sm" wrap="nowrap" fz="xs" c="dimmed">
        <span>{host.platform ?? host.os_name}</span>
        <HostStatusMark status={host.status} />
      </Group>
    </Group>
  );
}
