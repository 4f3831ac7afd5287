// SPDX-License-Identifier: Apache-2.0
// The text of cells, for opening, copying and measuring.

import { CELL_CHARS } from '@/lib/untrusted';
import type { DataGridProps } from './types';
import { textWidth } from './useColumns';

/** All of a cell's text; empty where the row is not loaded. */
export function cellText<Row>(
  { cell, text }: Pick<DataGridProps<Row>, 'cell' | 'text'>,
  row: Row | undefined,
  column: string,
): string {
  if (row === undefined) return '';
  const content = cell(row, column);
  if (typeof content === 'string') return content;
  if (text) return text(row, column);
  return typeof content === 'number' ? String(content) : '';
}

/** Width in px in which these texts and the heading fit. */
export function fitted(header: string, texts: readonly string[]): number {
  const longest = texts.reduce(
    (most, text) => Math.max(most, Math.min(text.length, CELL_CHARS)),
    0,
  );
  return textWidth(Math.max(longest, header.length + 4));
}
