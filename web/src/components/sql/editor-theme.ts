// SPDX-License-Identifier: Apache-2.0
// How the editor looks: the component library's colours, light and dark, through its variables.

import { syntaxHighlighting } from '@codemirror/language';
import { EditorView } from '@codemirror/view';
import { classHighlighter } from '@lezer/highlight';

const body = 'var(--mantine-color-body)';
const text = 'var(--mantine-color-text)';
const line = 'var(--mantine-color-default-border)';
const hover = 'var(--mantine-color-default-hover)';

const look = EditorView.theme({
  '&': { height: '100%', color: text, backgroundColor: body, fontSize: 'inherit' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'inherit', lineHeight: '1.55', overflow: 'auto' },
  '.cm-content': { caretColor: text, padding: '8px 0' },
  '.cm-cursor, .cm-dropCursor': { borderLeftColor: text, borderLeftWidth: '2px' },
  '&.cm-focused .cm-selectionBackground, .cm-selectionBackground, ::selection': {
    backgroundColor: 'color-mix(in srgb, var(--mantine-color-blue-5) 35%, transparent) !important',
  },
  '.cm-activeLine': { backgroundColor: hover },
  '.cm-gutters': {
    backgroundColor: body,
    color: 'var(--mantine-color-dimmed)',
    borderRight: `1px solid ${line}`,
  },
  '.cm-activeLineGutter': { backgroundColor: hover, color: text },
  '.cm-matchingBracket, &.cm-focused .cm-matchingBracket': {
    backgroundColor: hover,
    outline: `1px solid ${line}`,
  },
  '.cm-placeholder': { color: 'var(--mantine-color-dimmed)' },
  '.cm-tooltip': {
    backgroundColor: body,
    color: text,
    border: `1px solid ${line}`,
    borderRadius: 'var(--mantine-radius-sm)',
    boxShadow: 'var(--mantine-shadow-md)',
  },
  '.cm-tooltip.cm-tooltip-autocomplete > ul': {
    fontFamily: 'var(--mantine-font-family-monospace)',
    maxHeight: '16em',
  },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li': { padding: '2px 8px' },
  '.cm-tooltip-autocomplete > ul > li[aria-selected]': {
    backgroundColor: 'var(--mantine-primary-color-filled) !important',
    color: 'var(--mantine-color-white) !important',
  },
  '.cm-completionDetail': { fontStyle: 'normal', opacity: '0.85', marginLeft: '12px' },
  '.cm-completionIcon': { opacity: '0.85' },
  '.cm-completionMatchedText': { textDecoration: 'none', fontWeight: '700' },
  '.cm-tooltip.cm-completionInfo': { padding: '6px 10px', maxWidth: '340px' },
  '.cm-diagnostic': {
    fontFamily: 'var(--mantine-font-family)',
    padding: '6px 10px',
    maxWidth: '520px',
    whiteSpace: 'pre-wrap',
  },
  '.cm-diagnostic-error': { borderLeft: '4px solid var(--mantine-color-red-7)' },
  '.cm-diagnostic-warning': { borderLeft: '4px solid var(--mantine-color-yellow-7)' },
  '.cm-lintRange-error': {
    backgroundImage: 'none',
    textDecoration: 'underline wavy var(--mantine-color-red-7) 1.5px',
    textUnderlineOffset: '3px',
  },
  '.cm-lintRange-warning': {
    backgroundImage: 'none',
    textDecoration: 'underline wavy var(--mantine-color-orange-6) 1.5px',
    textUnderlineOffset: '3px',
  },
});

/** Look and highlighting. */
export const editorTheme = [look, syntaxHighlighting(classHighlighter)];
