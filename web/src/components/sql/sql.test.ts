// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { Platform, QueryCheck } from '@/api/schema';
import { offers } from './complete';
import { charAt, findings } from './findings';
import { SAMPLE } from './sample-schema';
import { columnOrder } from './schema-index';
import { namedTables, withNames } from './scope';
import { tokens } from './tokens';

const names = (sql: string) => tokens(sql).map(({ name, kind }) => `${kind}:${name}`);
const tables = (sql: string) =>
  namedTables(tokens(sql)).map(({ table, alias }) => `${table} ${alias}`);

describe('tokens', () => {
  it('know quotes, comments and doubled quotes', () => {
    expect(names(`a 'it''s' "B""c" [d] \`e\` -- f\n/* g */ 1.5e3 <`)).toEqual([
      'word:a',
      `string:it's`,
      'quoted:b"c',
      'quoted:d',
      'quoted:e',
      'comment:-- f',
      'comment:/* g */',
      'number:1.5e3',
      'symbol:<',
    ]);
  });

  it('end with the text when a quote or comment does not', () => {
    for (const open of ["'", "'a", '"', '/* a', '-- a', "'a''"]) {
      expect(tokens(`x ${open}`).at(-1)?.to).toBe(2 + open.length);
    }
  });

  it('cover letters of any script', () => {
    expect(names('größe ünï_1')).toEqual(['word:größe', 'word:ünï_1']);
  });
});

describe('named tables', () => {
  it('are found after FROM, JOIN and commas, with aliases', () => {
    expect(tables('SELECT * FROM processes p, users AS u JOIN "file" f ON f.uid = u.uid')).toEqual([
      'processes p',
      'users u',
      'file f',
    ]);
    expect(tables('select a, b from processes where x in (1, 2) order by a, b')).toEqual([
      'processes processes',
    ]);
  });

  it('are found in sub-queries, which have names too', () => {
    expect(tables('SELECT * FROM (SELECT pid FROM processes) AS inner1, main.users')).toEqual([
      ' inner1',
      'processes processes',
      'users users',
    ]);
  });

  it('are found in text that is not finished', () => {
    expect(tables('SELECT p. FROM processes p WHERE')).toEqual(['processes p']);
    expect(tables('SELECT * FROM')).toEqual([]);
    expect(tables('SELECT * FROM (')).toEqual([]);
  });

  it('know what WITH defines', () => {
    expect(withNames(tokens('WITH a AS (SELECT 1), b(x) AS (SELECT 2) SELECT * FROM a'))).toEqual([
      'a',
      'b',
    ]);
  });
});

describe('offers', () => {
  const at = (text: string, platforms?: Platform[], explicit = false) => {
    const pos = text.indexOf('|');
    return offers(text.replace('|', ''), pos, SAMPLE, platforms, explicit);
  };
  const labels = (text: string, platforms?: Platform[], explicit?: boolean) =>
    at(text, platforms, explicit)?.options.map(({ label }) => label) ?? [];

  it('are tables after FROM, only those of the platforms', () => {
    expect(labels('SELECT * FROM r|')).toEqual([
      'carves',
      'file',
      'processes',
      'registry',
      'users',
      'acme_inventory',
    ]);
    expect(labels('SELECT * FROM r|', ['linux'])).not.toContain('registry');
    expect(labels('SELECT a FROM users u, p|')).toContain('processes');
  });

  it('are columns after an alias or a table', () => {
    expect(labels('SELECT p.| FROM processes p')).toEqual(['pid', 'name', 'cmdline']);
    expect(labels('SELECT people.u| FROM people', ['linux'])).toEqual(['uid']);
    expect(at('SELECT x.| FROM processes p')).toBeUndefined();
  });

  it('are columns of the named tables elsewhere, required ones first and marked', () => {
    const found = at('SELECT * FROM file WHERE p|')?.options ?? [];
    const path = found.find(({ label }) => label === 'path');
    expect(path?.detail).toBe('text · file · required');
    const size = found.find(({ label }) => label === 'size');
    expect(path?.boost).toBeGreaterThan(size?.boost ?? 0);
    expect(found.map(({ label }) => label)).toContain('concat');
    expect(found.map(({ label }) => label)).not.toContain('users');
  });

  it('are nothing in texts, comments, numbers and where nothing is typed', () => {
    for (const text of ["SELECT 'a|'", 'SELECT 1|', '-- a|', 'SELECT |', '/* a| */']) {
      expect(at(text), text).toBeUndefined();
    }
    expect(labels('SELECT |', undefined, true)).toContain('processes');
  });
});

describe('findings', () => {
  const nothing: QueryCheck = {
    ok: true,
    tables: [],
    platforms: [],
    blocked: [],
    warnings: [],
    error: null,
    error_offset: null,
  };
  const at = (sql: string, check: Partial<QueryCheck>) =>
    findings({ ...nothing, ...check }, sql, SAMPLE).map(({ from, to, kind }) => [
      sql.slice(from, to),
      kind,
    ]);

  it('stand at the table, each time it is named', () => {
    const blocked = [{ table: 'carves', reason: 'No.' }];
    expect(at('SELECT carves FROM users, Carves', { blocked })).toEqual([['Carves', 'blocked']]);
    expect(at('SELECT 1 AS carves', { blocked })).toEqual([['carves', 'blocked']]);
    expect(at("SELECT 'carves'", { blocked })).toEqual([['SELECT', 'blocked']]);
  });

  it('stand at the column, or at the star that reads it', () => {
    const blocked = [{ table: 'processes.cmdline', reason: 'No.' }];
    expect(at('SELECT p.cmdline FROM processes p', { blocked })).toEqual([['cmdline', 'blocked']]);
    expect(at('SELECT * FROM processes', { blocked })).toEqual([['*', 'blocked']]);
    expect(at('SELECT count(*) FROM processes', { blocked })).toEqual([['processes', 'blocked']]);
  });

  it('stand at what a warning names', () => {
    const warning = (table: string | null, message: string) => ({ code: 'x', table, message });
    expect(at('SELECT * FROM people', { warnings: [warning('users', 'Hm.')] })).toEqual([
      ['people', 'warning'],
    ]);
    expect(at('SELECT sha1(1)', { warnings: [warning(null, '`sha1` costs.')] })).toEqual([
      ['sha1', 'warning'],
    ]);
    expect(at('SELECT 1', { warnings: [warning(null, 'Hm.')] })).toEqual([['SELECT', 'warning']]);
  });

  it('stand at the byte of an error', () => {
    const sql = "SELECT 'ü€🎉' FRM x";
    const error_offset = new TextEncoder().encode("SELECT 'ü€🎉' ").length;
    expect(at(sql, { error: 'Bad.', error_offset })).toEqual([['FRM', 'error']]);
    expect(at('SELECT', { error: 'Bad.', error_offset: 6 })).toEqual([['SELECT', 'error']]);
    expect(at('', { error: 'Empty.', error_offset: null })).toEqual([['', 'error']]);
    expect(charAt('ab', 99)).toBe(2);
  });
});

it('lays columns out as written, then as declared, then as they came', () => {
  expect(columnOrder(['c', 'z', 'a', 'b', 'y'], ['b', 'a'], ['c'])).toEqual([
    'b',
    'a',
    'c',
    'z',
    'y',
  ]);
});
