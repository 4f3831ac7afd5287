// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { csvField, csvFile, csvLine, guarded } from './csv';

it('defuses formulas', () => {
  const risky = ['=1+1', '+1+1', '-1+1', '@SUM(A1)', '\t=1', '\r=1', '\n=1', '-', '+', '=', '--1'];
  const odd = ['-inf', '-1e', '-.5', '-5.', '+1e+', '-1 ', '-0x1', '\uff1d1', "'=1", "''-x", "'-5"];
  for (const text of [...risky, ...odd]) expect(guarded(text)).toBe(`'${text}`);
});

it('leaves everything else alone', () => {
  const plain = ['', 'a=1', '-5', '+5', '-4.25', '-1e9', '+1.5E-3', '0', "'", "it's", ' =1'];
  for (const text of plain) expect(guarded(text)).toBe(text);
});

it('quotes after the RFC', () => {
  expect(csvField('a"b')).toBe('"a""b"');
  expect(csvField('=cmd|"x",1')).toBe('"\'=cmd|""x"",1"');
  expect(csvLine(['a', 'b,c', 'l1\r\nl2', ''])).toBe('a,"b,c","l1\r\nl2",\r\n');
});

it('writes all rows of a large file in order', async () => {
  const rows = Array.from({ length: 5_001 }, (_, row) => [String(row), 'x']);
  const text = await csvFile(['n', '=h'], rows).text();
  const lines = text.split('\r\n');
  expect(lines[0]).toBe("n,'=h");
  expect(lines[5_001]).toBe('5000,x');
  expect(lines).toHaveLength(5_003);
});
