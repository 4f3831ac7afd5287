// SPDX-License-Identifier: Apache-2.0
// Scrolling through more pixels than a browser can lay out. A browser draws nothing beyond some
// 17 million px (Firefox) or 33 million px (Chromium), which a million rows exceed. The content
// then gets a box of `BOX_PX_MAX`, and a position in it stands for a position in the content: small
// movements move the content by as much, and a jump (the scrollbar's thumb) leads to the same share
// of it. The ends are true to scale, so that first and last row can always be reached.
//
// Pure: nothing here touches an element.

/** Height of the box at most. Also keeps positions exact to half a px in 32-bit floats. */
export const BOX_PX_MAX = 8_000_000;
/** At both ends a box's position is the content's position for this long. */
const END_PX = 100_000;
/** How far the box may be from where its content belongs before it is put right. */
const DRIFT_PX = 20_000;
/** A longer way than a wheel goes in one frame, and a shorter one than one px of the thumb stands for. */
const JUMP_PX = 8_000;
/** Positions of elements are rounded to parts of a px. */
const ROUNDING_PX = 1;

/** What is scrolled, in px. */
export interface Extent {
  /** Height of all rows. */
  content: number;
  /** Height of the part that is seen. */
  view: number;
}

/** Where a reader is: `box + offset` is the position in the content. */
export interface Anchor {
  /** `scrollTop` of the element. */
  box: number;
  /** What has to be added to it. */
  offset: number;
}

/** Height of the element that is scrolled. */
export function boxHeight(content: number): number {
  return Math.min(content, BOX_PX_MAX);
}

function clamp(value: number, max: number): number {
  return Math.max(0, Math.min(value, Math.max(0, max)));
}

/** The anchor that shows the content from `position` on. */
export function anchorAt(position: number, { content, view }: Extent): Anchor {
  const end = Math.max(0, content - view);
  const at = clamp(position, end);
  if (content <= BOX_PX_MAX) return { box: at, offset: 0 };
  const boxEnd = BOX_PX_MAX - view;
  let box: number;
  if (at <= END_PX) box = at;
  else if (at >= end - END_PX) box = boxEnd - (end - at);
  else box = END_PX + ((at - END_PX) * (boxEnd - 2 * END_PX)) / (end - 2 * END_PX);
  return { box, offset: at - box };
}

/** The position in the content that the thumb's place stands for. */
function positionOf(box: number, { content, view }: Extent): number {
  const end = content - view;
  const boxEnd = BOX_PX_MAX - view;
  if (box <= END_PX) return box;
  if (box >= boxEnd - END_PX) return end - (boxEnd - box);
  return END_PX + ((box - END_PX) * (end - 2 * END_PX)) / (boxEnd - 2 * END_PX);
}

/**
 * The anchor after the element came to `box`. When its `box` differs from that, the element has to
 * be put there.
 */
export function scrolled(before: Anchor, box: number, extent: Extent): Anchor {
  if (extent.content <= BOX_PX_MAX) return { box, offset: 0 };
  if (Math.abs(box - before.box) > JUMP_PX) return { box, offset: positionOf(box, extent) - box };
  return settled({ box, offset: before.offset }, extent);
}

/** The anchor put right, if it has come too far from where its content belongs. */
export function settled(anchor: Anchor, extent: Extent): Anchor {
  const position = anchor.box + anchor.offset;
  const wanted = anchorAt(position, extent);
  const end = extent.content - extent.view;
  const atAnEnd = position < END_PX || position > end - END_PX;
  const allowed = atAnEnd || extent.content <= BOX_PX_MAX ? ROUNDING_PX : DRIFT_PX;
  return Math.abs(anchor.box - wanted.box) > allowed ? wanted : anchor;
}
