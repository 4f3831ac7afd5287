// SPDX-License-Identifier: Apache-2.0
// Which rows are in view, and bringing one into view. Rows have one height, so that this is
// arithmetic and costs the same for ten rows and for a million.

import { useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { flushSync } from 'react-dom';
import { type Anchor, anchorAt, boxHeight, type Extent, scrolled, settled } from './scroll';

/** Height of a row in px. */
export const ROW_PX = 30;
/** Rows drawn above and below what is seen, so that a fast wheel meets no gap. */
const OVERSCAN_ROWS = 8;
const TOP: Anchor = { box: 0, offset: 0 };

/** The rows to draw. */
export interface RowWindow {
  first: number;
  /** One after the last. */
  end: number;
  /** What is to be taken off the place of a row. */
  offset: number;
}

/** Rows that are seen at least in part. */
export interface SeenRows {
  first: number;
  last: number;
}

function drawn(anchor: Anchor, { view }: Extent, rows: number): RowWindow {
  const position = anchor.box + anchor.offset;
  const first = Math.floor(position / ROW_PX) - OVERSCAN_ROWS;
  const end = Math.ceil((position + view) / ROW_PX) + OVERSCAN_ROWS;
  return { first: Math.max(0, first), end: Math.min(rows, end), offset: anchor.offset };
}

/** The size of an element inside its borders and without its scrollbars. */
export function useInnerSize(element: HTMLElement | null): { width: number; height: number } {
  const [size, setSize] = useState({ width: 0, height: 0 });
  useLayoutEffect(() => {
    if (!element) return;
    const read = () =>
      setSize((before) => {
        const { clientWidth: width, clientHeight: height } = element;
        return before.width === width && before.height === height ? before : { width, height };
      });
    read();
    const observer = new ResizeObserver(read);
    observer.observe(element);
    return () => observer.disconnect();
  }, [element]);
  return size;
}

/** Follows the scroller. `view` is the height in which rows are seen. */
export function useRowWindow(scroller: HTMLElement | null, rows: number, view: number) {
  const content = rows * ROW_PX;
  const now = useRef({ anchor: TOP, extent: { content, view }, rows });
  const [window, setWindow] = useState<RowWindow>({ first: 0, end: 0, offset: 0 });

  const show = useCallback(
    (anchor: Anchor) => {
      const { extent, rows } = now.current;
      let kept = anchor;
      if (scroller && Math.abs(scroller.scrollTop - anchor.box) >= 1) {
        scroller.scrollTop = anchor.box;
        // The element rounds, and the content must not move by that.
        kept = { box: scroller.scrollTop, offset: anchor.offset + anchor.box - scroller.scrollTop };
      }
      now.current.anchor = kept;
      const next = drawn(kept, extent, rows);
      setWindow((before) =>
        before.first === next.first && before.end === next.end && before.offset === next.offset
          ? before
          : next,
      );
    },
    [scroller],
  );

  useLayoutEffect(() => {
    now.current = { anchor: now.current.anchor, extent: { content, view }, rows };
    show(settled(now.current.anchor, now.current.extent));
  }, [content, view, rows, show]);

  useEffect(() => {
    if (!scroller) return;
    const onScroll = () => {
      const { anchor, extent } = now.current;
      const next = scrolled(anchor, scroller.scrollTop, extent);
      // Rows that are placed anew must be drawn in the frame in which the element is moved.
      if (next.offset === anchor.offset) show(next);
      else flushSync(() => show(next));
    };
    scroller.addEventListener('scroll', onScroll, { passive: true });
    return () => scroller.removeEventListener('scroll', onScroll);
  }, [scroller, show]);

  const seen = useCallback((): SeenRows => {
    const { anchor, extent, rows } = now.current;
    const position = anchor.box + anchor.offset;
    const last = Math.ceil((position + extent.view) / ROW_PX) - 1;
    return { first: Math.floor(position / ROW_PX), last: Math.min(rows - 1, last) };
  }, []);

  /** Brings a row into view by the shortest way; nothing moves when it is in view. */
  const reveal = useCallback(
    (row: number) => {
      const { anchor, extent } = now.current;
      const position = anchor.box + anchor.offset;
      const top = row * ROW_PX;
      if (top < position) show(anchorAt(top, extent));
      else if (top + ROW_PX > position + extent.view) {
        show(anchorAt(top + ROW_PX - extent.view, extent));
      }
    },
    [show],
  );

  return { window, boxHeight: boxHeight(content), seen, reveal };
}
