// SPDX-License-Identifier: Apache-2.0
// Draws the completion curve. Loaded on demand, with the library that draws.

import 'uplot/dist/uPlot.min.css';

import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useRef } from 'react';
import UPlot from 'uplot';
import type { Completion } from '@/api/schema';
import { count } from '@/lib/format';
import { axisTime, CURVE_PX, type Curve, curve } from './curve';

/** Room that a label of the time axis wants, in px. */
const TIME_LABEL_PX = 70;

/** Steps of the time axis in seconds: round ones up to a month. */
const TIME_STEPS_S = [
  ...[1, 2, 5, 10, 15, 30],
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * 60),
  ...[1, 2, 3, 6, 12].map((hours) => hours * 3_600),
  ...[1, 2, 7, 14, 30, 90].map((days) => days * 86_400),
];
/** Steps of the axis of hosts. */
const HOST_STEPS = Array.from({ length: 7 }, (_, power) => power).flatMap((power) =>
  [1, 2, 5].map((digit) => digit * 10 ** power),
);

interface Colors {
  text: string;
  grid: string;
  shade: string;
  line: string;
  fill: string;
  late: string;
}

function colors(element: Element): Colors {
  const style = getComputedStyle(element);
  const read = (name: string) => style.getPropertyValue(`--mantine-color-${name}`).trim();
  return {
    text: read('dimmed'),
    grid: read('default-border'),
    shade: read('blue-light'),
    line: read('green-6'),
    fill: read('green-light'),
    late: read('red-6'),
  };
}

/** Behind everything: the live window, and a line where all hosts have answered. */
function background(latest: { current: Curve }, { shade, grid }: Colors) {
  return (plot: UPlot) => {
    const { from, to, liveUntil, targeted } = latest.current;
    const { ctx, bbox } = plot;
    const left = plot.valToPos(from, 'x', true);
    const right = plot.valToPos(Math.min(liveUntil, to), 'x', true);
    ctx.save();
    ctx.fillStyle = shade;
    ctx.fillRect(left, bbox.top, Math.max(2, right - left), bbox.height);
    const top = plot.valToPos(targeted, 'y', true);
    ctx.strokeStyle = grid;
    ctx.setLineDash([6, 4]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, top);
    ctx.lineTo(bbox.left + bbox.width, top);
    ctx.stroke();
    ctx.restore();
  };
}

function options(latest: { current: Curve }, width: number, c: Colors): UPlot.Options {
  const stepped = UPlot.paths.stepped?.({ align: 1 });
  const font = '12px system-ui, sans-serif';
  const axis = { stroke: c.text, font, grid: { stroke: c.grid, width: 1 }, ticks: { show: false } };
  const span = () => latest.current.to - latest.current.from;
  return {
    width,
    height: CURVE_PX,
    padding: [8, 32, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    scales: {
      x: { time: true, range: () => [latest.current.from, latest.current.to] },
      y: { range: () => [0, Math.max(1, latest.current.targeted * 1.04)] },
    },
    axes: [
      {
        ...axis,
        space: TIME_LABEL_PX,
        incrs: TIME_STEPS_S,
        size: 28,
        values: (_, splits) => splits.map((at) => axisTime(at, span())),
      },
      {
        ...axis,
        size: (_, values) => 14 + 7 * Math.max(0, ...(values ?? []).map((text) => text.length)),
        incrs: HOST_STEPS,
        values: (_, splits) => splits.map((hosts) => count(hosts)),
      },
    ],
    series: [
      {},
      {
        label: 'Responded',
        stroke: c.line,
        fill: c.fill,
        width: 2,
        paths: stepped,
        points: { show: false },
      },
      { label: 'Late', stroke: c.late, width: 2, paths: stepped, points: { show: false } },
    ],
    hooks: { drawClear: [background(latest, c)] },
  };
}

/** The drawing; its meaning for those who do not see it stands around it. */
export default function CurveChart({
  completion,
  isLive,
}: {
  completion: Completion;
  isLive: boolean;
}) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot>(undefined);
  const scheme = useComputedColorScheme('light');
  const drawn = curve(completion, isLive);
  const latest = useRef(drawn);
  latest.current = drawn;

  // biome-ignore lint/correctness/useExhaustiveDependencies: colours are other ones in the other scheme
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const { times, responded, late } = latest.current;
    const made = new UPlot(
      options(latest, element.clientWidth, colors(element)),
      [times, responded, late],
      element,
    );
    plot.current = made;
    const observer = new ResizeObserver(() =>
      made.setSize({ width: element.clientWidth, height: CURVE_PX }),
    );
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = undefined;
    };
  }, [scheme]);

  useEffect(() => {
    const { times, responded, late } = latest.current;
    plot.current?.setData([times, responded, late]);
  });
  return <div ref={place} style={{ width: '100%', overflow: 'hidden' }} aria-hidden />;
}
