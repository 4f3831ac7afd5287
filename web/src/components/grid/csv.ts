// SPDX-License-Identifier: Apache-2.0
// CSV of what the browser has, after RFC 4180 and by the server's rule for spreadsheets: a cell
// that one would run as a formula gets a single quote in front, unless all of it is a plain number.
// A cell that already begins with quotes followed by such a sign gets one more, so that taking one
// quote away always gives the original back. The server's exports (`export/csv.rs`) do the same.

/** Leading characters that make a spreadsheet calculate, also in full width. */
const RISKY = /^'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;
const PLAIN_NUMBER = /^[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$/;
/** Rows put together before they are handed to the browser as one piece. */
const PIECE_ROWS = 2_000;

/** The text as a spreadsheet may safely show it. */
export function guarded(text: string): string {
  return RISKY.test(text) && !PLAIN_NUMBER.test(text) ? `'${text}` : text;
}

/** One field, guarded, and quoted where it must be. */
export function csvField(text: string): string {
  const safe = guarded(text);
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** One line with its end. */
export function csvLine(cells: readonly string[]): string {
  return `${cells.map(csvField).join(',')}\r\n`;
}

/** A file of a heading and rows. Made piece by piece, so that it may be larger than a string. */
export function csvFile(heading: readonly string[], rows: Iterable<readonly string[]>): Blob {
  const pieces: Blob[] = [];
  let piece = csvLine(heading);
  let waiting = 0;
  for (const row of rows) {
    piece += csvLine(row);
    waiting += 1;
    if (waiting === PIECE_ROWS) {
      pieces.push(new Blob([piece]));
      piece = '';
      waiting = 0;
    }
  }
  return new Blob([...pieces, piece], { type: 'text/csv;charset=utf-8' });
}

/** Hands a file to the reader. */
export function download(file: Blob, name: string): void {
  const url = URL.createObjectURL(file);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The browser has taken hold of the file once the click is handled.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
