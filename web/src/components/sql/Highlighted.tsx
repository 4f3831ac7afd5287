// SPDX-License-Identifier: Apache-2.0
// SQL in colours, as text. Loaded by `SqlView` when it is first shown.

import { classHighlighter, highlightCode } from '@lezer/highlight';
import { useMemo } from 'react';
import { OSQUERY } from './dialect';

interface Piece {
  at: number;
  text: string;
  classes: string;
}

function piecesOf(sql: string): Piece[] {
  const found: Piece[] = [];
  let at = 0;
  const put = (text: string, classes: string) => {
    found.push({ at, text, classes });
    at += text.length;
  };
  const tree = OSQUERY.language.parser.parse(sql);
  highlightCode(sql, tree, classHighlighter, put, () => put('\n', ''));
  return found;
}

/** The pieces of a statement, each in its colour. */
export default function Highlighted({ sql }: { sql: string }) {
  const pieces = useMemo(() => piecesOf(sql), [sql]);
  return pieces.map(({ at, text, classes }) => (
    <span key={at} className={classes || undefined}>
      {text}
    </span>
  ));
}
