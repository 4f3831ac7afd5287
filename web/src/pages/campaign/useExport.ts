// SPDX-License-Identifier: Apache-2.0
// One export at a time, with its progress.

import { useEffect, useRef, useState } from 'react';
import type { Campaign } from '@/api/schema';
import { canPick, collector, type Format, type Progress, pick, run, TooLarge } from './export';

/**
 * Rows from which on the reader is asked for a file to write into. Fewer go straight to the
 * downloads, as any other file does.
 */
const PICK_ROWS_MIN = 200_000;
/** Rows that are certainly too many to collect in memory. */
const COLLECT_ROWS_MAX = 5_000_000;
/** How often progress is shown, in milliseconds. */
const SHOWN_MS = 100;

/** What an export is doing. */
export type ExportState =
  | { is: 'running'; format: Format; progress: Progress }
  | { is: 'done'; format: Format; progress: Progress }
  | { is: 'failed'; format: Format; error: unknown }
  /** Left to the browser: too much to collect in memory, and no file can be written into. */
  | { is: 'too large'; format: Format };

/** Characters of a campaign's name that go into the name of a file. */
const NAME_CHARS = 60;

function fileName({ id, name }: Campaign, format: Format): string {
  const words = name
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, NAME_CHARS);
  return `campaign-${words || id}.${format}`;
}

/** Starts, shows and cancels. An export ends when the page is left. */
export function useExport(campaign: Campaign) {
  const [state, setState] = useState<ExportState>();
  const running = useRef<AbortController>(undefined);
  useEffect(() => () => running.current?.abort(), []);

  const cancel = () => {
    running.current?.abort();
    setState(undefined);
  };

  const start = async (format: Format) => {
    running.current?.abort();
    const control = new AbortController();
    running.current = control;
    const show = (next: ExportState) => {
      if (!control.signal.aborted) setState(next);
    };
    const rows = campaign.coverage.rows_stored;
    const name = fileName(campaign, format);
    try {
      const asks = rows >= PICK_ROWS_MIN && canPick();
      if (!asks && rows > COLLECT_ROWS_MAX) return show({ is: 'too large', format });
      const sink = asks ? await pick(name) : collector(name, format);
      if (!sink || control.signal.aborted) return;
      show({ is: 'running', format, progress: { bytes: 0, rows: 0 } });
      let shownAt = 0;
      const onProgress = (progress: Progress) => {
        if (performance.now() - shownAt < SHOWN_MS) return;
        shownAt = performance.now();
        show({ is: 'running', format, progress });
      };
      const { signal } = control;
      const progress = await run({ id: campaign.id, format, sink, onProgress, signal });
      show({ is: 'done', format, progress });
    } catch (error) {
      if (error instanceof TooLarge) show({ is: 'too large', format });
      else show({ is: 'failed', format, error });
    }
  };

  return { state, start, cancel };
}
