// SPDX-License-Identifier: Apache-2.0
// What the address of this page may hold.

import { flag, type RawSearch, text } from '@/lib/search';

/** What is open, and with which choices. */
export interface QueriesSearch {
  /** The saved query that is open. */
  saved?: string;
  /** A statement that was handed over; shown until it is edited. */
  sql?: string;
  /** Key of a statement too long for an address (see `components/sql/handover`). */
  text?: string;
  /** Whom to ask, as `all`, `hosts:ID,ID` or `os:linux,darwin`. */
  target?: string;
  /** The live query whose results are shown. */
  live?: string;
  /** Whether the tick *Launch as campaign* is set. */
  launch?: true;
  /** Text in saved queries. */
  q?: string;
}

/** Reads them; what is broken is dropped. */
export function queriesSearch(raw: RawSearch): QueriesSearch {
  return {
    saved: text(raw.saved),
    sql: text(raw.sql),
    text: text(raw.text),
    target: text(raw.target),
    live: text(raw.live),
    launch: flag(raw.launch),
    q: text(raw.q),
  };
}
