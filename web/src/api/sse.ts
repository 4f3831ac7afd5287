// SPDX-License-Identifier: Apache-2.0
// Server-sent events over `fetch`: unlike EventSource it shows why a stream was refused, and it
// takes the id to go on from. The parser follows the HTML standard, section 9.2.6.

/** One event. */
export interface StreamEvent {
  /** Its name; `message` when the stream names none. */
  name: string;
  /** Its id, for `Last-Event-ID`; the id before when it has none of its own. */
  id: string;
  /** Its payload. */
  data: string;
}

/** Takes a stream's text apart, in whatever pieces it comes. */
export class EventParser {
  private rest = '';
  private name = '';
  private id = '';
  private data: string[] = [];
  private endedWithReturn = false;

  /** The events that this piece completes. */
  push(text: string): StreamEvent[] {
    const events: StreamEvent[] = [];
    let piece = text;
    if (this.endedWithReturn && piece.startsWith('\n')) piece = piece.slice(1);
    this.endedWithReturn = false;
    const lines = (this.rest + piece).split(/\r\n|\r|\n/);
    if (piece.endsWith('\r')) this.endedWithReturn = true;
    this.rest = lines.pop() ?? '';
    for (const line of lines) {
      const event = this.line(line);
      if (event) events.push(event);
    }
    return events;
  }

  private line(line: string): StreamEvent | undefined {
    if (line === '') return this.dispatch();
    if (line.startsWith(':')) return undefined;
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    let value = colon < 0 ? '' : line.slice(colon + 1);
    if (value.startsWith(' ')) value = value.slice(1);
    if (field === 'event') this.name = value;
    else if (field === 'data') this.data.push(value);
    else if (field === 'id' && !value.includes('\0')) this.id = value;
    return undefined;
  }

  private dispatch(): StreamEvent | undefined {
    const { name, data } = this;
    this.name = '';
    this.data = [];
    if (data.length === 0) return undefined;
    return { name: name || 'message', id: this.id, data: data.join('\n') };
  }
}
