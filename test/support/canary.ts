import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Watches every byte that leaves Usher: a token of the simulator among them fails the test (SECURITY rule 56). Every
 * secret of the simulator matches one of these patterns. A browser must not see a transient token either.
 */
const TOKEN = /sim-[a-z]{3}-tok-[0-9A-Za-z]{8}/
const TRANSIENT = /transient-[0-9a-f]{8}-[0-9a-f]{4}/
/** Longer than any token in any encoding. */
const CARRY = 240
const KEPT_BYTES = 4_000_000

export interface Canary {
  /** Watches everything that a server writes. `transients`: delegated tokens may pass (internal listener). */
  watchServer(server: Server, label: string, options?: { transients?: boolean }): void
  watchText(label: string, text: string): void
  /** What leaked, each once, base64 and percent-encoded forms included. */
  leaks(): readonly string[]
  readonly bytes: number
}

export function createCanary(): Canary {
  const leaks = new Set<string>()
  let kept = ''
  let bytes = 0

  function scan(label: string, text: string, transients: boolean): void {
    const decoded = text.includes('%') ? text.replace(/%([0-9a-fA-F]{2})/g, (_all, hex) => toChar(hex)) : text
    for (const candidate of decoded === text ? [text] : [text, decoded]) {
      if (TOKEN.test(candidate)) leaks.add(`token in ${label}`)
      if (!transients && TRANSIENT.test(candidate)) leaks.add(`transient token in ${label}`)
    }
  }

  function watcher(label: string, transients: boolean): (chunk: unknown, encoding?: unknown) => void {
    let carry = ''
    return (chunk, encoding) => {
      if (typeof chunk !== 'string' && !(chunk instanceof Uint8Array)) return
      const text =
        typeof chunk === 'string'
          ? Buffer.from(chunk, isEncoding(encoding) ? encoding : 'utf8').toString('latin1')
          : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1')
      bytes += text.length
      scan(label, carry + text, transients)
      if (kept.length < KEPT_BYTES) kept += text.slice(0, KEPT_BYTES - kept.length)
      carry = (carry + text).slice(-CARRY)
    }
  }

  return {
    watchServer(server, label, { transients = false } = {}) {
      server.on('connection', (socket: Socket) => {
        const see = watcher(label, transients)
        const write = socket.write.bind(socket) as (...args: unknown[]) => boolean
        const end = socket.end.bind(socket) as (...args: unknown[]) => Socket
        socket.write = (...args: unknown[]) => {
          see(args[0], args[1])
          return write(...args)
        }
        socket.end = (...args: unknown[]) => {
          see(args[0], args[1])
          return end(...args)
        }
      })
    },
    watchText(label, text) {
      watcher(label, false)(text, 'utf8')
    },
    leaks() {
      // Three base64 alignments of the prefix that all tokens of one account share, without the mixed edges.
      const tags = ['usr', 'fri', 'mem', 'kid', 'gst', 'str', 'pen', 'two', 'srv', 'svc', 'acc']
      for (const tag of tags) {
        for (const shift of [0, 1, 2]) {
          const encoded = Buffer.from(`${'x'.repeat(shift)}sim-${tag}-tok-`).toString('base64')
          const needle = encoded.slice(shift === 0 ? 0 : shift + 1, -4)
          if (kept.includes(needle)) leaks.add(`token of ${tag} in base64`)
        }
      }
      return [...leaks]
    },
    get bytes() {
      return bytes
    }
  }
}

function toChar(hex: string): string {
  return String.fromCharCode(Number.parseInt(hex, 16))
}

function isEncoding(value: unknown): value is BufferEncoding {
  return typeof value === 'string' && Buffer.isEncoding(value)
}
