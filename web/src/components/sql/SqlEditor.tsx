// SPDX-License-Identifier: Apache-2.0
// The editor of SQL: highlighting, completion, remarks in the text. Until it is loaded the text is
// shown as it is.

import { lazy, Suspense } from 'react';
import classes from './sql.module.css';
import type { SqlEditorProps } from './types';

const Editor = lazy(() => import('./Editor'));

/** `Ctrl/⌘-Enter` runs, `Ctrl-Space` completes, `Tab` leaves. */
export function SqlEditor(props: SqlEditorProps) {
  return (
    <Suspense
      fallback={
        <pre
          className={`${classes.sql} ${classes.view}`}
          style={{ height: props.height ?? 220 }}
          aria-busy="true"
        >
          {props.value}
        </pre>
      }
    >
      <Editor {...props} />
    </Suspense>
  );
}
