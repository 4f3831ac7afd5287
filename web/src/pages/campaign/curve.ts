// SPDX-License-Identifier: Apache-2.0
// The data of the completion curve. Pure.

import type { Completion } from '@/api/schema';

/** Height of the drawing in px; kept while it loads, so that nothing moves. */
export const CURVE_PX = 190;
/** Room behind the last point while answers may come, as a share of the time so far. */
const ROOM = 0.15;
/** Shortest time that the curve shows, in seconds. */
const SPAN_S_MIN = 20;

/** What is drawn; times are in seconds since 1970. */
export interface Curve {
  times: number[];
  /** Hosts that had answered in time. */
  responded: number[];
  /** Those of them that answered late; nothing is drawn before the first. */
  late: (number | null)[];
  from: number;
  to: number;
  liveUntil: number;
  targeted: number;
}

/** The curve from the launch on: stretches without answers have no points and stay level. */
export function curve(completion: Completion, isLive: boolean): Curve {
  const seconds = (at: string) => Date.parse(at) / 1000;
  const [from, to, liveUntil] = [completion.from, completion.to, completion.live_until].map(
    seconds,
  ) as [number, number, number];
  const end = Math.max(to, from + SPAN_S_MIN);
  const times = [from];
  const responded = [0];
  const late = [0];
  for (const point of completion.points) {
    // What was answered within the first stretch is drawn at its end, never before the launch.
    const at = Math.min(Math.max(seconds(point.at), from), end);
    if (at === times.at(-1)) {
      responded[responded.length - 1] = point.responded;
      late[late.length - 1] = point.late;
    } else {
      times.push(at);
      responded.push(point.responded);
      late.push(point.late);
    }
  }
  if ((times.at(-1) ?? from) < end) {
    times.push(end);
    responded.push(responded.at(-1) ?? 0);
    late.push(late.at(-1) ?? 0);
  }
  const room = isLive ? Math.min(liveUntil, end + (end - from) * ROOM) : end;
  const targeted = completion.targeted;
  const firstLate = late.findIndex((hosts) => hosts > 0);
  // The line rises from the point before the first late answer.
  const drawn = late.map((hosts, at) => (firstLate < 0 || at < firstLate - 1 ? null : hosts));
  return { times, responded, late: drawn, from, to: Math.max(end, room), liveUntil, targeted };
}

/** A time on the axis, as exact as the whole span asks for. */
export function axisTime(at: number, spanS: number): string {
  const iso = new Date(at * 1000).toISOString();
  if (spanS < 300) return iso.slice(11, 19);
  if (spanS < 36 * 3600) return iso.slice(11, 16);
  return iso.slice(5, 10);
}
