// SPDX-License-Identifier: Apache-2.0
// The place of live results on this page.

import { useEffect, useRef } from 'react';
import type { LaunchSource } from '@/components/launch/LaunchModal';
import { LiveResults } from './live/LiveResults';

/** Where results begin when they come, as a part of the window's height. */
const RESULTS_TOP = 0.35;

/** Results, brought into view when they begin. */
export function Results({
  id,
  onClose,
  onLaunch,
}: {
  id: string;
  onClose: () => void;
  onLaunch: (source: LaunchSource) => void;
}) {
  const place = useRef<HTMLDivElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each new live query is brought into view
  useEffect(() => {
    const frame = requestAnimationFrame(() => {
      const top = place.current?.getBoundingClientRect().top ?? 0;
      // The button that began it stays in sight, above.
      const wanted = window.innerHeight * RESULTS_TOP;
      if (top > wanted) window.scrollBy({ top: top - wanted, behavior: 'smooth' });
    });
    return () => cancelAnimationFrame(frame);
  }, [id]);
  return (
    <div ref={place}>
      <LiveResults
        key={id}
        id={id}
        onClose={onClose}
        onCampaign={({ query }) => query && onLaunch({ sql: query.sql, target: query.target })}
      />
    </div>
  );
}
