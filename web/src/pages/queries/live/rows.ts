// SPDX-License-Identifier: Apache-2.0
// What a live query has brought so far, outside of React: rows by the ten thousand are appended to
// plain arrays, and the page draws what it needs of them. Pure but for the time, an argument.

import type { LiveEnd, LiveTotals } from '@/api/schema';
import type { StreamEvent } from '@/api/sse';

/** One host's answer. */
export interface LiveHost {
  id: string;
  hostname: string;
  /** Rows it sent. */
  sent: number;
  /** Its message, when the query failed there. */
  error: string | null;
}

/** One row, with the host that it is from. */
export interface LiveRow {
  host: LiveHost;
  cells: Readonly<Record<string, unknown>>;
}

/** Body of event `host`. */
interface HostEvent {
  host_id: string;
  hostname: string;
  rows: Record<string, unknown>[];
  row_count: number;
  error: string | null;
}

/** Everything that has come. Nothing comes twice, however often the stream is opened anew. */
export class LiveRows {
  readonly rows: LiveRow[] = [];
  /** Hosts whose answer was an error. */
  readonly errors: LiveHost[] = [];
  /** Names of columns in order of first appearance. */
  readonly columns: string[] = [];
  totals: LiveTotals | undefined;
  end: LiveEnd | undefined;
  /** Hosts that answered without an error and without a row. */
  silent = 0;
  /** Rows that hosts sent, also those that the cap cut. */
  sent = 0;

  private readonly hosts = new Set<string>();
  private readonly known = new Set<string>();

  /** Takes one event of the stream. */
  take(event: StreamEvent): void {
    if (event.name === 'host') this.takeHost(JSON.parse(event.data) as HostEvent);
    else if (event.name === 'totals') this.totals = JSON.parse(event.data) as LiveTotals;
    else if (event.name === 'end') this.end = JSON.parse(event.data) as LiveEnd;
  }

  private takeHost(event: HostEvent): void {
    if (this.hosts.has(event.host_id)) return;
    this.hosts.add(event.host_id);
    const host: LiveHost = {
      id: event.host_id,
      hostname: event.hostname,
      sent: event.row_count,
      error: event.error,
    };
    this.sent += event.row_count;
    if (host.error !== null) this.errors.push(host);
    else if (host.sent === 0) this.silent += 1;
    for (const cells of event.rows) {
      for (const name of Object.keys(cells)) {
        if (this.known.has(name)) continue;
        this.known.add(name);
        this.columns.push(name);
      }
      this.rows.push({ host, cells });
    }
  }
}

/** Id of the grid's column that shows the host; columns of results have a sign in front. */
export const HOST_COLUMN = 'host';

/** Id of a result's column in the grid. */
export function columnId(name: string): string {
  return `=${name}`;
}

/** The text of a row in a column of the grid. */
export function textOf({ host, cells }: LiveRow, column: string): string {
  if (column === HOST_COLUMN) return host.hostname || host.id;
  const value = cells[column.slice(1)];
  if (typeof value === 'string') return value;
  return value === undefined || value === null ? '' : JSON.stringify(value);
}
