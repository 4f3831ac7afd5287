// SPDX-License-Identifier: Apache-2.0
// What the editor of SQL is given, apart from it so that no page loads the editor to know this.

import type { Ref } from 'react';
import type { Platform } from '@/api/schema';
import type { Finding } from './findings';
import type { SchemaIndex } from './schema-index';

/** What a page may do with the editor. */
export interface SqlEditorHandle {
  /** Puts a text in place of the selection, with blanks where words would run together. */
  insert(text: string): void;
  /** Selects a piece and moves the focus to it. */
  select(from: number, to: number): void;
  /** Moves the focus to it. */
  focus(): void;
}

/** See `SqlEditor`. */
export interface SqlEditorProps {
  /** Its name for screen readers. */
  label: string;
  /** The text. */
  value: string;
  /** Called with each change by the reader. */
  onChange: (sql: string) => void;
  /** `Ctrl/⌘-Enter`. */
  onRun?: () => void;
  /** For completion; none without it. */
  schema?: SchemaIndex;
  /** Platforms of the target: only what exists there is offered. All when absent. */
  platforms?: readonly Platform[];
  /** Remarks about this very text. */
  findings?: readonly Finding[];
  /** Id of an element that describes it, such as a list of findings. */
  describedBy?: string;
  /** Height of the box in px. */
  height?: number;
  ref?: Ref<SqlEditorHandle>;
}
