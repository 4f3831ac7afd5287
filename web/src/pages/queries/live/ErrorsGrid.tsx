// SPDX-License-Identifier: Apache-2.0
// Hosts on which the query failed, with what each says.

import { Text } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { DataGrid } from '@/components/grid';
import { HostLink } from '@/components/HostLink';
import type { LiveHost } from './rows';

const COLUMNS = [
  { id: 'host', header: 'Host', width: 180 },
  { id: 'error', header: 'Error', width: 800 },
];

function textOf(host: LiveHost, column: string): string {
  return column === 'host' ? host.hostname || host.id : (host.error ?? '');
}

function cell(host: LiveHost, column: string): ReactNode {
  if (column === 'error') return host.error ?? '';
  return <HostLink id={host.id} hostname={host.hostname} />;
}

/** The grid of errors. */
export function ErrorsGrid({ errors }: { errors: readonly LiveHost[] }) {
  const [filters, setFilters] = useState<Record<string, string>>({});
  const wanted = Object.entries(filters).filter(([, text]) => text !== '');
  const shown = wanted.length === 0 ? errors : errors.filter((host) => matches(host, wanted));
  return (
    <DataGrid<LiveHost>
      label="Hosts with errors"
      columns={COLUMNS}
      rowCount={shown.length}
      rowAt={(index) => shown[index]}
      cell={cell}
      text={textOf}
      filters={filters}
      onFilter={(column, text) => setFilters({ ...filters, [column]: text })}
      height="max(280px, calc(100vh - 480px))"
      empty={
        <Text size="sm">
          {errors.length === 0 ? 'No host has answered with an error.' : 'No error matches.'}
        </Text>
      }
    />
  );
}

function matches(host: LiveHost, wanted: readonly (readonly [string, string])[]): boolean {
  return wanted.every(([column, text]) =>
    textOf(host, column).toLowerCase().includes(text.toLowerCase()),
  );
}
