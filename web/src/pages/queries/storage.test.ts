// SPDX-License-Identifier: Apache-2.0
import { beforeEach, expect, it } from 'vitest';
import {
  firstTarget,
  HISTORY_MAX,
  originOf,
  type Remembered,
  readDraft,
  readHistory,
  remember,
  withRemembered,
  writeDraft,
} from './storage';

const run = (sql: string, at = 1): Remembered => ({
  sql,
  target: { type: 'all' },
  kind: 'live',
  at,
});

beforeEach(() => {
  sessionStorage.clear();
  localStorage.clear();
});

it('keeps a draft for its user only', () => {
  const draft = { sql: 'SELECT 1', target: { type: 'all' as const }, origin: '', edited: true };
  writeDraft('a', draft);
  expect(readDraft('a')).toEqual({ ...draft, saved: undefined });
  expect(readDraft('b')).toBeUndefined();
});

it('does not trust what it reads back', () => {
  for (const broken of ['', '{', 'null', '[]', '{"sql":1}', '"x"']) {
    sessionStorage.setItem('mimir.draft.a', broken);
    localStorage.setItem('mimir.history.a', broken);
    expect(readDraft('a')).toBeUndefined();
    expect(readHistory('a')).toEqual([]);
  }
  localStorage.setItem('mimir.history.a', '[null,{"sql":"x"},{"sql":"x","at":1,"target":{}}]');
  expect(readHistory('a')).toEqual([]);
});

it('bounds the history by number and by size, and keeps each run once', () => {
  let history: Remembered[] = [];
  for (let at = 0; at < 2 * HISTORY_MAX; at += 1) {
    history = withRemembered(history, run(`SELECT ${at}`, at));
  }
  expect(history).toHaveLength(HISTORY_MAX);
  history = withRemembered(history, run(' SELECT 98 ', 500));
  expect(history[0]?.at).toBe(500);
  expect(history.filter(({ sql }) => sql.trim() === 'SELECT 98')).toHaveLength(1);
  const large = 'x'.repeat(150_000);
  history = withRemembered(withRemembered(history, run(large)), run(`${large}y`));
  expect(history.map(({ sql }) => sql.length)).toEqual([150_001]);
});

it('remembers nothing blank', () => {
  remember('a', run('  '));
  remember('a', run('SELECT 1'));
  expect(readHistory('a').map(({ sql }) => sql)).toEqual(['SELECT 1']);
});

it('knows what of an address a text begins with', () => {
  expect(originOf({})).toBe('');
  expect(originOf({ sql: 'SELECT 1' })).toBe('sql:SELECT 1');
  expect(originOf({ sql: 'SELECT 1', saved: 'q' })).toBe('saved:q');
});

it('takes the target from the address before the draft', () => {
  const draft = {
    sql: '',
    target: { type: 'os_in' as const, platforms: ['linux' as const] },
    origin: '',
    edited: false,
  };
  expect(firstTarget({ target: 'hosts:a' }, draft)).toEqual({ type: 'hosts', host_ids: ['a'] });
  expect(firstTarget({}, draft)).toEqual(draft.target);
  expect(firstTarget({ target: 'nonsense' }, undefined)).toEqual({ type: 'all' });
});
