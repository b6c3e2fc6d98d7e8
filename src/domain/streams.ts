/** Responses and sockets that stay open: a long body, an event stream, a WebSocket. */
export const STREAM_KINDS = ['media', 'events', 'socket'] as const
export type StreamKind = (typeof STREAM_KINDS)[number]

/**
 * Why Usher ends a stream: its session ended, plex.tv has been away for longer than USHER_OUTAGE_GRACE, or this
 * instance stops.
 */
export type StreamEnd = 'session-ended' | 'past-grace' | 'shutdown'
