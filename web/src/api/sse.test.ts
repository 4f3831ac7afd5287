// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { EventParser } from './sse';

const TEXT = ': hello\n\nevent: totals\nid: 7\ndata: {"a":1}\n\ndata: x\ndata:y\r\n\r\nid: 9\n\n';
const EVENTS = [
  { name: 'totals', id: '7', data: '{"a":1}' },
  { name: 'message', id: '7', data: 'x\ny' },
];

it('reads events, however they are cut', () => {
  for (let size = 1; size <= TEXT.length; size += 1) {
    const parser = new EventParser();
    const events = [];
    for (let at = 0; at < TEXT.length; at += size) {
      events.push(...parser.push(TEXT.slice(at, at + size)));
    }
    expect(events, `pieces of ${size}`).toEqual(EVENTS);
  }
});

it('ends lines with a lone carriage return too', () => {
  const parser = new EventParser();
  expect(parser.push('data: a\r')).toEqual([]);
  expect(parser.push('\rdata: b\r\r')).toEqual([
    { name: 'message', id: '', data: 'a' },
    { name: 'message', id: '', data: 'b' },
  ]);
});

it('does not deliver what was cut off', () => {
  const parser = new EventParser();
  expect(parser.push('data: half')).toEqual([]);
});
