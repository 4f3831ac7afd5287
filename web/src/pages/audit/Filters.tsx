// SPDX-License-Identifier: Apache-2.0
// What the audit trail is narrowed by.

import { Autocomplete, Button, Group, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { useEffect, useState } from 'react';
import { SearchInput } from '@/components/SearchInput';
import { ACTIONS } from './actions';
import type { AuditFilters } from './search';

/** A pause in typing after which the list is read anew, in ms. */
const PAUSE_MS = 300;

interface FiltersProps {
  filters: AuditFilters;
  onChange: (next: AuditFilters) => void;
}

/** Actor, action, from and to. */
export function Filters({ filters, onChange }: FiltersProps) {
  const isSet = Boolean(filters.actor || filters.action || filters.from || filters.to);
  return (
    <Group gap="sm" align="flex-end">
      <SearchInput
        label="Actor"
        value={filters.actor ?? ''}
        onSearch={(actor) => onChange({ ...filters, actor: actor || undefined })}
        isPageSearch
        w={200}
      />
      <Action filters={filters} onChange={onChange} />
      <Time label="From (UTC)" member="from" filters={filters} onChange={onChange} />
      <Time label="To (UTC)" member="to" filters={filters} onChange={onChange} />
      {isSet && (
        <Button variant="subtle" onClick={() => onChange({})}>
          Clear filters
        </Button>
      )}
    </Group>
  );
}

function Action({ filters, onChange }: FiltersProps) {
  const given = filters.action ?? '';
  const [text, setText] = useState(given);
  useEffect(() => setText(given), [given]);
  const apply = useDebouncedCallback(
    (action: string) => onChange({ ...filters, action: action.trim() || undefined }),
    PAUSE_MS,
  );
  return (
    <Autocomplete
      aria-label="Action"
      placeholder="Action"
      data={[...ACTIONS]}
      limit={12}
      value={text}
      onChange={(next) => {
        setText(next);
        apply(next);
      }}
      w={220}
    />
  );
}

/** `2026-11-23T17:00:00Z` as the field holds it. */
function fieldValue(at: string | undefined): string {
  return at?.slice(0, 16) ?? '';
}

function Time({
  label,
  member,
  filters,
  onChange,
}: FiltersProps & { label: string; member: 'from' | 'to' }) {
  return (
    <TextInput
      type="datetime-local"
      label={label}
      max="9999-12-31T23:59"
      value={fieldValue(filters[member])}
      onChange={({ currentTarget: { value } }) =>
        onChange({ ...filters, [member]: value ? `${value}:00Z` : undefined })
      }
    />
  );
}
