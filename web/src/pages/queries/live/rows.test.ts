// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { columnId, HOST_COLUMN, LiveRows, textOf } from './rows';
import { RowView } from './view';

const host = (
  id: number,
  rows: object[],
  error: string | null = null,
  row_count = rows.length,
) => ({
  name: 'host',
  id: String(id),
  data: JSON.stringify({ host_id: `h${id}`, hostname: `web-${id}`, rows, row_count, error }),
});

describe('rows', () => {
  it('come once, however often a stream begins again', () => {
    const live = new LiveRows();
    const events = [host(1, [{ a: '1' }]), host(2, [{ b: '2' }]), host(3, [], 'no such table')];
    for (const event of [...events, ...events]) live.take(event);
    expect(live.rows.map((row) => row.host.hostname)).toEqual(['web-1', 'web-2']);
    expect(live.columns).toEqual(['a', 'b']);
    expect(live.errors.map(({ error }) => error)).toEqual(['no such table']);
    expect(live.sent).toBe(2);
  });

  it('count hosts without rows, and rows that were cut', () => {
    const live = new LiveRows();
    live.take(host(1, []));
    live.take(host(2, [{ a: '1' }], null, 7));
    live.take({ name: 'end', id: '2', data: '{"reason":"row_cap","truncated":true}' });
    live.take({ name: 'something new', id: '2', data: '{}' });
    expect([live.silent, live.sent, live.rows.length]).toEqual([1, 7, 1]);
    expect(live.end?.truncated).toBe(true);
  });

  it('show any value as text, and keep a column called host apart', () => {
    const live = new LiveRows();
    live.take(host(1, [{ host: 'mine', n: 5, o: { x: 1 }, nil: null }]));
    const [row] = live.rows;
    if (!row) throw new Error('no row');
    const texts = [HOST_COLUMN, ...live.columns.map(columnId), columnId('absent')].map((column) =>
      textOf(row, column),
    );
    expect(texts).toEqual(['web-1', 'mine', '5', '{"x":1}', '', '']);
  });
});

describe('view', () => {
  const filled = (values: string[]) => {
    const live = new LiveRows();
    values.forEach((value, at) => {
      live.take(host(at, [{ v: value }]));
    });
    return live;
  };
  const v = columnId('v');
  const texts = (live: LiveRows, view: RowView) =>
    view.shown.map((place) => live.rows[place]?.cells.v);

  it('filters without regard to case, also what comes later', () => {
    const live = filled(['Alpha', 'beta', 'ALPS']);
    const view = new RowView();
    view.choose({ [v]: 'al', [HOST_COLUMN]: '' }, undefined);
    view.update(live.rows, () => 0);
    live.take(host(9, [{ v: 'royal' }, { v: 'x' }]));
    view.update(live.rows, () => 0);
    expect(texts(live, view)).toEqual(['Alpha', 'ALPS', 'royal']);
    expect(view.isFiltered).toBe(true);
  });

  it('sorts numbers as numbers, before texts', () => {
    const live = filled(['10', 'b', '9', 'A', '-1.5', '']);
    const view = new RowView();
    view.choose({}, { column: v, order: 'asc' });
    view.update(live.rows, () => 0);
    expect(texts(live, view)).toEqual(['-1.5', '9', '10', '', 'A', 'b']);
    view.choose({}, { column: v, order: 'desc' });
    view.update(live.rows, () => 0);
    expect(texts(live, view)).toEqual(['b', 'A', '', '10', '9', '-1.5']);
  });

  it('sorts again only when enough time has passed since a dear sort', () => {
    const live = filled(['2', '1']);
    const view = new RowView();
    view.choose({}, { column: v, order: 'asc' });
    let time = 0;
    const dear = () => {
      time += 50;
      return time;
    };
    expect(view.update(live.rows, dear)).toBe(false);
    live.take(host(9, [{ v: '0' }]));
    expect(view.update(live.rows, () => time + 1)).toBe(true);
    expect(texts(live, view)).toEqual(['1', '2', '0']);
    expect(view.update(live.rows, () => time + 10_000)).toBe(false);
    expect(texts(live, view)).toEqual(['0', '1', '2']);
  });
});
