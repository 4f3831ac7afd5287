// SPDX-License-Identifier: Apache-2.0
// The editor of SQL. Loaded by `SqlEditor` when it is first shown, because the editor is large.

import {
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  completionKeymap,
} from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { sql as sqlLanguage } from '@codemirror/lang-sql';
import { bracketMatching } from '@codemirror/language';
import { lintKeymap, setDiagnostics } from '@codemirror/lint';
import { Annotation, EditorState, type Extension, Prec } from '@codemirror/state';
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  keymap,
  lineNumbers,
  placeholder,
  tooltips,
} from '@codemirror/view';
import { useEffect, useImperativeHandle, useLayoutEffect, useRef } from 'react';
import { offers } from './complete';
import { OSQUERY } from './dialect';
import { editorTheme } from './editor-theme';
import type { Finding } from './findings';
import classes from './sql.module.css';
import type { SqlEditorProps } from './types';

/** Height of the box when the page does not say; the reader can drag it. */
const HEIGHT_PX = 220;

/** Marks a text that the page gave: the page need not be told of it. */
const GIVEN = Annotation.define<boolean>();

/** What the editor reads at the moment it needs it; it is built only once. */
type Latest = { current: SqlEditorProps };

function extensions(latest: Latest, label: string): Extension[] {
  const run = () => {
    latest.current.onRun?.();
    return latest.current.onRun !== undefined;
  };
  return [
    Prec.highest(keymap.of([{ key: 'Mod-Enter', run }])),
    lineNumbers(),
    history(),
    drawSelection(),
    highlightActiveLine(),
    bracketMatching(),
    closeBrackets(),
    autocompletion({
      icons: false,
      override: [
        (context) => {
          const { schema, platforms } = latest.current;
          if (!schema) return null;
          const text = context.state.doc.toString();
          const found = offers(text, context.pos, schema, platforms, context.explicit);
          return found ? { ...found, validFor: /^\w*$/ } : null;
        },
      ],
    }),
    // Tab is left to the browser, so that the keyboard can leave the editor.
    keymap.of([
      ...closeBracketsKeymap,
      ...defaultKeymap,
      ...historyKeymap,
      ...completionKeymap,
      ...lintKeymap,
    ]),
    sqlLanguage({ dialect: OSQUERY }),
    placeholder('SELECT …'),
    // What opens at a word goes downwards: above the text are buttons.
    tooltips({
      tooltipSpace: ({ dom }) => {
        const { top } = dom.getBoundingClientRect();
        return { top, left: 0, right: window.innerWidth, bottom: window.innerHeight };
      },
    }),
    EditorView.lineWrapping,
    EditorView.contentAttributes.of({ 'aria-label': label, spellcheck: 'false' }),
    EditorView.updateListener.of((update) => {
      const isOwn = update.transactions.some((change) => change.annotation(GIVEN));
      if (update.docChanged && !isOwn) latest.current.onChange(update.state.doc.toString());
    }),
    editorTheme,
  ];
}

function show(view: EditorView, list: readonly Finding[]): void {
  const length = view.state.doc.length;
  const diagnostics = list.map(({ from, to, kind, message }) => ({
    from: Math.min(from, length),
    to: Math.min(to, length),
    severity: kind === 'warning' ? ('warning' as const) : ('error' as const),
    source: kind === 'blocked' ? 'deny-list' : undefined,
    message,
  }));
  view.dispatch(setDiagnostics(view.state, diagnostics));
}

function insert(view: EditorView, text: string): void {
  const { from, to } = view.state.selection.main;
  const before = view.state.sliceDoc(from - 1, from);
  const after = view.state.sliceDoc(to, to + 1);
  const piece = `${/[\w)]/.test(before) ? ' ' : ''}${text}${/\w/.test(after) ? ' ' : ''}`;
  view.dispatch({
    changes: { from, to, insert: piece },
    selection: { anchor: from + piece.length },
    scrollIntoView: true,
    userEvent: 'input.paste',
  });
  view.focus();
}

/** The editor itself. */
export default function Editor(props: SqlEditorProps) {
  const { label, value, findings, describedBy, height = HEIGHT_PX, ref } = props;
  const latest = useRef(props);
  latest.current = props;
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);

  useEffect(() => {
    if (!place.current) return;
    const state = EditorState.create({
      doc: latest.current.value,
      extensions: extensions(latest, label),
    });
    const made = new EditorView({ state, parent: place.current });
    view.current = made;
    return () => {
      made.destroy();
      view.current = null;
    };
  }, [label]);

  // Before anything else can be typed: a text that lags behind would undo a keystroke.
  useLayoutEffect(() => {
    const { current } = view;
    if (!current || current.state.doc.toString() === value) return;
    const changes = { from: 0, to: current.state.doc.length, insert: value };
    current.dispatch({ changes, annotations: GIVEN.of(true) });
  }, [value]);

  useEffect(() => {
    if (view.current) show(view.current, findings ?? []);
  }, [findings]);

  const isInvalid = findings?.some(({ kind }) => kind !== 'warning') ?? false;
  useEffect(() => {
    const content = view.current?.contentDOM;
    if (!content) return;
    content.setAttribute('aria-invalid', String(isInvalid));
    if (describedBy) content.setAttribute('aria-describedby', describedBy);
  }, [isInvalid, describedBy]);

  useImperativeHandle(ref, () => ({
    insert: (text) => view.current && insert(view.current, text),
    select: (from, to) => {
      view.current?.dispatch({ selection: { anchor: from, head: to }, scrollIntoView: true });
      view.current?.focus();
    },
    focus: () => view.current?.focus(),
  }));

  return (
    <div
      ref={place}
      className={`${classes.sql} ${classes.frame}`}
      data-invalid={isInvalid || undefined}
      style={{ height, resize: 'vertical' }}
    />
  );
}
