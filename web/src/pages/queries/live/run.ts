// SPDX-License-Identifier: Apache-2.0
// Live queries that this tab follows, kept beside the pages: results survive a look at another
// page. They are dropped when newer ones need the room, and when somebody else signs in.

import { http, unwrap } from '@/api/client';
import { ApiProblem, asProblem } from '@/api/problem';
import type { LiveQuery } from '@/api/schema';
import type { StreamEvent } from '@/api/sse';
import { stream } from '@/api/stream';
import type { GridSort } from '@/components/grid';
import { LiveRows } from './rows';
import { type Filters, RowView } from './view';

/** Milliseconds of one turn of taking events; the rest waits, so that the page stays usable. */
const TURN_MS = 8;
/** The page is told of news at most this often, in milliseconds. */
const TELL_MS = 100;
/** Live queries kept, and rows of all of them together. */
const RUNS_MAX = 5;
const ROWS_MAX = 200_000;

/** What the page remembers of how results are looked at. */
export interface RunLook {
  tab: 'rows' | 'errors';
  hidden: string[];
}

/** One live query and what it has brought. */
export class Run {
  readonly data = new LiveRows();
  readonly view = new RowView();
  look: RunLook = { tab: 'rows', hidden: [] };
  /** What was asked; absent until the server has told. */
  query: LiveQuery | undefined;
  /** When it ends at the latest, by this machine's clock, in milliseconds. */
  deadline = 0;
  /** Why the server does not show it, or no longer. */
  refused: ApiProblem | undefined;

  private version = 0;
  private readonly listeners = new Set<() => void>();
  private readonly stop = new AbortController();
  private queue: StreamEvent[] = [];
  private taking = false;
  private telling = false;

  constructor(readonly id: string) {
    void this.describe();
    void stream({
      url: `/api/v1/queries/live/${encodeURIComponent(id)}/events`,
      signal: this.stop.signal,
      isLast: ({ name }) => name === 'end',
      onEvents: (events) => this.push(events),
      onRefused: (problem) => {
        this.refused = problem;
        this.tell();
      },
    });
  }

  /** For `useSyncExternalStore`. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** For `useSyncExternalStore`: changes with every news. */
  readonly snapshot = (): number => this.version;

  /** Chooses what is shown, at once. */
  choose(filters: Filters, sort: GridSort | undefined): void {
    this.view.choose(filters, sort);
    this.news();
  }

  /** Remembers how it is looked at. */
  lookAt(look: Partial<RunLook>): void {
    this.look = { ...this.look, ...look };
    this.news();
  }

  /** Ends it before its time. One that has ended already is no failure. */
  async cancel(): Promise<void> {
    try {
      await unwrap(http.POST('/queries/live/{id}/cancel', { params: { path: { id: this.id } } }));
    } catch (error) {
      if (asProblem(error).code !== 'conflict') throw error;
    }
  }

  /** Follows it no longer and forgets it. */
  drop(): void {
    this.stop.abort();
    this.queue = [];
  }

  private async describe(): Promise<void> {
    try {
      const params = { path: { id: this.id } };
      const query = await unwrap(http.GET('/queries/live/{id}', { params }));
      this.query = query;
      const started = Date.parse(query.created_at);
      const ends = Date.parse(query.expires_at);
      // Clocks may differ: one that has just begun has its whole window before it.
      const isNew = query.totals.answered === 0 && Math.abs(Date.now() - started) > ends - started;
      this.deadline = isNew ? Date.now() + (ends - started) : ends;
    } catch (error) {
      // The stream tells the reader why; a server that is away is asked again by the stream.
      const problem = asProblem(error);
      if (problem.status >= 400 && problem.status < 500) this.refused = problem;
    }
    this.tell();
  }

  private push(events: StreamEvent[]): void {
    for (const event of events) this.queue.push(event);
    if (!this.taking) this.takeTurn();
  }

  private takeTurn(): void {
    this.taking = true;
    const until = performance.now() + TURN_MS;
    let taken = 0;
    for (const event of this.queue) {
      this.data.take(event);
      taken += 1;
      if (performance.now() > until) break;
    }
    this.queue = this.queue.slice(taken);
    this.tell();
    if (this.queue.length > 0) setTimeout(() => this.takeTurn(), 0);
    else this.taking = false;
  }

  private tell(): void {
    if (this.telling) return;
    this.telling = true;
    setTimeout(() => {
      this.telling = false;
      this.news();
    }, TELL_MS);
  }

  private news(): void {
    const again = this.view.update(this.data.rows, () => performance.now());
    this.version += 1;
    for (const listener of this.listeners) listener();
    if (again) this.tell();
  }
}

let owner = '';
const runs = new Map<string, Run>();

/** The live query of this id for this user, followed from now on if it was not before. */
export function runOf(id: string, user: string): Run {
  if (owner !== user) {
    for (const run of runs.values()) run.drop();
    runs.clear();
    owner = user;
  }
  const run = runs.get(id) ?? new Run(id);
  // Last in the order is the one looked at last.
  runs.delete(id);
  runs.set(id, run);
  makeRoom();
  return run;
}

function makeRoom(): void {
  let rows = 0;
  const byAge = [...runs].reverse();
  byAge.forEach(([id, run], place) => {
    rows += run.data.rows.length;
    if (place === 0 || (place < RUNS_MAX && rows <= ROWS_MAX)) return;
    run.drop();
    runs.delete(id);
  });
}

/** Whether a refusal means that it is gone for good. */
export function isGone(problem: ApiProblem | undefined): boolean {
  return problem instanceof ApiProblem && problem.status === 404;
}
