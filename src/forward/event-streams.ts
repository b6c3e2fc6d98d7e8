import type { StreamEnd } from '../domain/streams.ts'

/** Bytes of the longest end of an event: a blank line after CRLF. */
const END_BYTES = 4

export function isEventStream(contentType: string): boolean {
  return /^text\/event-stream\b/i.test(contentType)
}

/** The last bytes of a stream whose last bytes were `tail`, after another piece. */
export function endOf(tail: string, piece: Buffer): string {
  const end = piece.toString('latin1', Math.max(0, piece.length - END_BYTES))
  return (tail + end).slice(-END_BYTES)
}

/** Whether the last event is complete: a blank line ends it, by LF, CR or CRLF (HTML, Server-sent events §9.2.5). */
export function isBetweenEvents(tail: string): boolean {
  return tail === '' || tail.replace(/\r\n?/g, '\n').endsWith('\n\n')
}

/** The event that says why Usher ends a stream (reference/http.md#streams). */
export function lastEvent(why: StreamEnd): string {
  return `event: usher-ended\ndata: {"reason":"${why}"}\n\n`
}
