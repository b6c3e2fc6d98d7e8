import { Duplex } from 'node:stream'
import { Client } from 'undici'
import { AnswerReader } from '../../../src/fetch/answer-reader.ts'
import type { Case } from './answers.ts'

/** What a handler heard of one answer. */
export interface Heard {
  status: number | null
  headers: Record<string, unknown> | null
  body: Buffer
  /** It ended as whole. */
  whole: boolean
}

const nothing = (): Heard => ({ status: null, headers: null, body: Buffer.alloc(0), whole: false })

/** The pieces between the cuts. */
export function cut(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const ends = [...new Set(cuts.filter((at) => at > 0 && at < bytes.length))].sort((a, b) => a - b)
  return [...ends, bytes.length].map((end, i) => bytes.subarray(i === 0 ? 0 : ends[i - 1], end))
}

const pairs = (flat: readonly string[]): [string, string][] =>
  flat.flatMap((name, i) => (i % 2 === 0 ? [[name, flat[i + 1] as string]] : []))

/** What the lane makes of an answer in these pieces, after which the server ends. */
export function readByLane({ method }: Case, pieces: readonly Buffer[]): Heard {
  const heard = nothing()
  let over = false
  const reader = new AnswerReader(
    {
      onHead(head) {
        heard.status = head.status
        heard.headers = Object.fromEntries(pairs(head.fields))
      },
      onPiece(piece) {
        heard.body = Buffer.concat([heard.body, piece])
      },
      onWhole() {
        over = true
        heard.whole = true
      }
    },
    method === 'HEAD'
  )
  try {
    for (const piece of pieces) if (piece.length > 0 && !over) reader.take(Buffer.from(piece))
    if (!over) reader.takeEnd()
  } catch {
    // Refused: what was heard until here is the result.
  }
  return heard
}

/** What undici makes of the same, with the settings of the service. */
export function readByUndici({ method }: Case, pieces: readonly Buffer[]): Promise<Heard> {
  const heard = nothing()
  const { promise, resolve } = Promise.withResolvers<Heard>()
  const client = new Client('http://media.test', {
    pipelining: 1,
    connect: (_options, callback) => process.nextTick(callback, null, serve(pieces))
  })
  const settle = () => {
    resolve(heard)
    client.destroy().catch(() => {})
  }
  client.dispatch(
    { path: '/', method, headersTimeout: 0, bodyTimeout: 0 },
    {
      onRequestStart() {},
      onResponseStart(_controller, status, headers) {
        if (status < 200) return
        heard.status = status
        heard.headers = Object.fromEntries(
          Object.entries(headers).map(([name, value]) => [
            name,
            // Blanks behind a value are no part of it (RFC 9112 §5); undici keeps them.
            [value]
              .flat()
              .map((text) => (text ?? '').replace(/[\t ]+$/, ''))
              .join(', ')
          ])
        )
      },
      onResponseData(_controller, chunk) {
        heard.body = Buffer.concat([heard.body, chunk])
      },
      onResponseEnd() {
        heard.whole = true
        settle()
      },
      onResponseError: settle
    }
  )
  return promise
}

/** A socket whose other side answers the first request with these pieces, then ends. */
function serve(pieces: readonly Buffer[]): Duplex {
  let asked = false
  const socket = new Duplex({
    read() {},
    write(_chunk, _encoding, done) {
      done()
      if (asked) return
      asked = true
      setImmediate(() => {
        for (const piece of pieces) if (piece.length > 0) socket.push(Buffer.from(piece))
        socket.push(null)
      })
    }
  })
  const noop = () => socket
  return Object.assign(socket, {
    setKeepAlive: noop,
    setNoDelay: noop,
    setTimeout: noop,
    ref: noop,
    unref: noop
  })
}
