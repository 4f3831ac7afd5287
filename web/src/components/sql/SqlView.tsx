// SPDX-License-Identifier: Apache-2.0
// SQL that is only read, such as the frozen payload of a campaign.

import { lazy, Suspense } from 'react';
import classes from './sql.module.css';

const Highlighted = lazy(() => import('./Highlighted'));

/** The statement in colours; scrolls within `maxHeight` (px or CSS) and can be reached by keyboard. */
export function SqlView({
  sql,
  label = 'SQL',
  maxHeight = 320,
}: {
  sql: string;
  label?: string;
  maxHeight?: number | string;
}) {
  return (
    <section
      className={`${classes.sql} ${classes.view}`}
      style={{ maxHeight }}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
      tabIndex={0}
      aria-label={label}
    >
      <code>
        <Suspense fallback={sql}>
          <Highlighted sql={sql} />
        </Suspense>
      </code>
    </section>
  );
}
