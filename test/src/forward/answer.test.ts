import { EventEmitter } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { Answer, type Source } from '../../../src/forward/answer.ts'
import type { ForwardCall } from '../../../src/forward/forward-call.ts'
import { until } from '../../support/until.ts'

const WINDOW_MS = 100

/** A response whose client takes what the test says, byte by byte. */
class SlowResponse extends EventEmitter {
  destroyed = false
  headersSent = false
  readonly chunkedEncoding = true
  readonly writableCorked = 0
  readonly socket = null
  writableLength = 0

  writeHead(): void {
    this.headersSent = true
  }

  write(chunk: Buffer): boolean {
    this.writableLength += chunk.length
    return false
  }

  end(): void {}

  destroy(): void {
    this.destroyed = true
    this.emit('close')
  }

  take(bytes: number): void {
    this.writableLength = Math.max(0, this.writableLength - bytes)
    this.emit('drain')
  }
}

function start(leastBytes: number) {
  const response = new SlowResponse()
  const source: Source & { ended: string[] } = {
    ended: [],
    cancel: () => source.ended.push('cancelled'),
    resume() {},
    clientGone: () => source.ended.push('gone')
  }
  const call = {
    sink: { raw: response, hijack() {} },
    principal: { addStream: () => () => {} },
    class: 'api',
    extra: () => []
  } as unknown as ForwardCall
  const answer = new Answer(call, source, { windowMs: WINDOW_MS, leastBytes }, null)
  const head = {
    fields: [],
    contentType: '',
    contentLength: 9_000_000,
    hasDate: false,
    location: null,
    isEncoded: false,
    cacheControl: ''
  }
  answer.begin(200, head, null, null)
  answer.write(Buffer.alloc(1_000_000), false)
  return { answer, response, source }
}

t.test('rule 72: a client that takes a drip is broken off, however often it takes one', async (t) => {
  const { response, source } = start(10_000)
  const timer = setInterval(() => response.take(100), 5)
  t.teardown(() => clearInterval(timer))
  await until(() => response.destroyed)
  t.strictSame(source.ended.sort(), ['cancelled', 'gone'])
})

t.test('rule 72: a client that keeps the least rate is not, nor one that owes nothing', async (t) => {
  const { answer, response } = start(1000)
  // Enough for a window each time: on a busy machine there may be one turn in each.
  const timer = setInterval(() => response.take(1000), 5)
  await delay(WINDOW_MS * 4)
  t.notOk(response.destroyed, 'slow, but steady')
  clearInterval(timer)
  response.take(1_000_000)
  await delay(WINDOW_MS * 4)
  t.notOk(response.destroyed, 'the upstream is the slow one here')
  answer.end()
})

t.test('rule 72: what is left of an ended answer is watched as well', async (t) => {
  const { answer, response, source } = start(1000)
  answer.end()
  await until(() => response.destroyed, 'it held memory')
  t.strictSame(source.ended.sort(), ['cancelled', 'gone'])
})
