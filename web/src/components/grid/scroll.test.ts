// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { type Anchor, anchorAt, BOX_PX_MAX, boxHeight, type Extent, scrolled } from './scroll';

const SMALL: Extent = { content: 3_000_000, view: 600 };
const LARGE: Extent = { content: 30_000_000, view: 600 };
const END = LARGE.content - LARGE.view;

function position(anchor: Anchor): number {
  return anchor.box + anchor.offset;
}

/** Scrolls by steps as a wheel would, in a box that ends where boxes end. */
function wheel(start: Anchor, step: number, times: number, extent: Extent): Anchor {
  let anchor = start;
  for (let turn = 0; turn < times; turn += 1) {
    const box = Math.max(0, Math.min(anchor.box + step, boxHeight(extent.content) - extent.view));
    anchor = scrolled(anchor, box, extent);
  }
  return anchor;
}

describe('content that fits', () => {
  it('is scrolled as any element', () => {
    expect(anchorAt(1234, SMALL)).toEqual({ box: 1234, offset: 0 });
    expect(scrolled({ box: 0, offset: 0 }, 2_000_000, SMALL)).toEqual({
      box: 2_000_000,
      offset: 0,
    });
    expect(anchorAt(9e9, SMALL)).toEqual({ box: SMALL.content - 600, offset: 0 });
  });
});

describe('content that does not fit', () => {
  it('moves by as much as the wheel does', () => {
    let anchor = anchorAt(15_000_000, LARGE);
    for (let turn = 0; turn < 1_000; turn += 1) {
      // The last is a wheel let run: more than what is seen in one frame.
      const step = [100, 30, 1_500][turn % 3] ?? 0;
      const next = scrolled(anchor, anchor.box + step, LARGE);
      expect(position(next) - position(anchor)).toBeCloseTo(step, 3);
      anchor = next;
    }
  });

  it('is reached to its first and last px by the wheel', () => {
    const nearTop = wheel(anchorAt(400_000, LARGE), -100, 4_100, LARGE);
    expect(position(nearTop)).toBe(0);
    const nearEnd = wheel(anchorAt(END - 400_000, LARGE), 100, 4_100, LARGE);
    expect(position(nearEnd)).toBe(END);
  });

  it('follows the thumb to the same share', () => {
    const middle = scrolled({ box: 0, offset: 0 }, (BOX_PX_MAX - 600) / 2, LARGE);
    expect(position(middle)).toBeCloseTo(END / 2, 0);
    const end = scrolled({ box: 0, offset: 0 }, BOX_PX_MAX - 600, LARGE);
    expect(position(end)).toBe(END);
    expect(position(scrolled(end, 0, LARGE))).toBe(0);
  });

  it('keeps the box within its bounds wherever the content is', () => {
    for (let at = 0; at <= END; at += 99_991) {
      const anchor = anchorAt(at, LARGE);
      expect(position(anchor)).toBeCloseTo(at, 3);
      expect(anchor.box).toBeGreaterThanOrEqual(0);
      expect(anchor.box).toBeLessThanOrEqual(BOX_PX_MAX - 600);
    }
  });

  it('stays where it is when rows are appended', () => {
    const before = anchorAt(5_000_000, { content: 7_900_000, view: 600 });
    const after = scrolled(before, before.box + 30, LARGE);
    expect(position(after)).toBe(5_000_030);
  });
});
