import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { StreamEnd } from '../domain/streams.ts'
import type { ForwardPrincipal } from './forward-call.ts'
import { createFrameMask } from './frame-mask.ts'
import { closeFrame, createFrameBoundary } from './socket-frames.ts'

export interface TunnelOptions {
  readonly principal: Pick<ForwardPrincipal, 'createScrubber' | 'addStream'>
  /** The browser's side, and what it sent right behind its request. */
  readonly socket: Socket
  readonly head: Buffer
  readonly upstream: Duplex
}

const KEEP_ALIVE_MS = 30_000
/** How long a browser has to answer a close frame. */
const CLOSE_MS = 1000

/** Close codes and reasons (RFC 6455 §7.4.1; 1013 is IANA's "Try Again Later"). */
const CLOSES: Readonly<Record<StreamEnd, readonly [code: number, reason: string]>> = {
  'session-ended': [1008, 'session ended'],
  'past-grace': [1013, 'plex.tv cannot be reached'],
  shutdown: [1001, 'going away']
}

/**
 * Joins the two sockets of a WebSocket. Frames of the media server are scrubbed like any text; what the browser sends
 * passes unchanged, and so does half-closing. The tunnel ends with its session, and says why to the browser.
 */
export function joinTunnel({ principal, socket, head, upstream }: TunnelOptions): void {
  const mask = createFrameMask((grammar) => principal.createScrubber(grammar))
  const frames = createFrameBoundary()
  let isEnding = false

  function destroy(): void {
    socket.destroy()
    upstream.destroy()
  }

  function end(why: StreamEnd): void {
    if (isEnding) return
    isEnding = true
    mask.unpipe(socket)
    socket.unpipe(upstream)
    upstream.destroy()
    // In the middle of a frame no other may begin.
    if (!frames.isReached() || !socket.writable) {
      socket.destroy()
      return
    }
    // Unread bytes would turn the close into a reset, which discards the frame.
    socket.resume()
    socket.end(closeFrame(...CLOSES[why]))
    const timer = setTimeout(() => socket.destroy(), CLOSE_MS).unref()
    socket.once('close', () => clearTimeout(timer))
  }

  const release = principal.addStream('socket', end)
  socket.setTimeout(0)
  socket.setNoDelay(true)
  socket.setKeepAlive(true, KEEP_ALIVE_MS)
  if (head.length > 0) upstream.write(head)
  mask.on('data', (piece: Buffer) => frames.take(piece))
  mask.on('error', destroy)
  upstream.on('error', destroy)
  socket.on('error', destroy)
  // A side that closes for good takes the other along, once what is queued has left.
  upstream.on('close', () => {
    if (isEnding) return
    if (mask.readableEnded) socket.destroySoon()
    else mask.once('end', () => socket.destroySoon()).end()
  })
  socket.on('close', () => {
    release()
    upstream.destroy()
  })
  socket.pipe(upstream).pipe(mask).pipe(socket)
}
