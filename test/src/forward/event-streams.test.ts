import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { request } from 'node:http'
import t from 'tap'
import { endOf, isBetweenEvents, isEventStream, lastEvent } from '../../../src/forward/event-streams.ts'
import { until } from '../../support/until.ts'
import { startFront, TOKEN } from './front.ts'

t.test('where an event has ended, however its lines end and however it is cut', async (t) => {
  for (const [text, expected] of [
    ['', true],
    ['data: 1\n\n', true],
    ['data: 1\r\n\r\n', true],
    ['data: 1\r\r', true],
    ['data: 1\n\r\n', true],
    ['data: 1\n', false],
    ['data: 1\r\n', false],
    ['data: 1', false],
    ['data: 1\n\ndata: 2', false],
    ['\n', false]
  ] as const) {
    t.equal(isBetweenEvents(endOf('', Buffer.from(text))), expected, JSON.stringify(text))
    const bytes = [...text].reduce((tail, letter) => endOf(tail, Buffer.from(letter)), '')
    t.equal(isBetweenEvents(bytes), expected, `${JSON.stringify(text)} byte by byte`)
  }
})

t.test('an event stream is told by its type', async (t) => {
  for (const type of ['text/event-stream', 'text/event-stream; charset=utf-8', 'TEXT/Event-Stream'])
    t.equal(isEventStream(type), true)
  for (const type of ['', 'text/plain', 'application/json', 'text/event-streams', 'x; a=text/event-stream'])
    t.equal(isEventStream(type), false)
})

async function openStream(t: Parameters<typeof startFront>[0], type: string, text: string) {
  const front = await startFront(t)
  front.call = { class: 'event', repeatable: false }
  let upstream: ServerResponse | undefined
  front.upstream.answer = (_request, response) => {
    upstream = response
    response.writeHead(200, { 'content-type': type })
    response.write(text)
  }
  const asking = request(front.url, { agent: false })
  asking.on('error', () => undefined)
  asking.end()
  const [response] = (await once(asking, 'response')) as [IncomingMessage]
  let received = ''
  response.on('data', (chunk) => {
    received += String(chunk)
  })
  response.on('error', () => undefined)
  await until(() => received.length >= text.length && front.streams.size === 1)
  const closed = new Promise((resolve) => response.once('close', resolve))
  const [stream] = front.streams
  return {
    front,
    upstream,
    response,
    async abort(why: Parameters<NonNullable<typeof stream>['abort']>[0]) {
      stream?.abort(why)
      await closed
      return received
    }
  }
}

t.test('an event stream that Usher ends says why in its last event', async (t) => {
  for (const why of ['session-ended', 'past-grace', 'shutdown'] as const) {
    const text = 'event: ping\ndata: {}\n\n'
    const { front, upstream, response, abort } = await openStream(t, 'text/event-stream', text)
    t.equal(await abort(why), text + lastEvent(why))
    t.equal(response.complete, true, 'a clean end')
    await until(() => upstream?.destroyed === true, 'the upstream is let go')
    t.equal(front.streams.size, 0)
  }
  t.equal(lastEvent('session-ended'), 'event: usher-ended\ndata: {"reason":"session-ended"}\n\n')
})

t.test('in the middle of an event, and in any other stream, the transfer breaks', async (t) => {
  for (const [type, text] of [
    ['text/event-stream', 'event: ping\ndata: {"half'],
    ['application/json', '{"whole":1}\n\n']
  ] as const) {
    const { response, abort } = await openStream(t, type, text)
    t.equal((await abort('session-ended')).includes('usher-ended'), false)
    t.equal(response.complete, false, type)
  }
})

t.test('what the scrubber still keeps of the last event is masked as ever', async (t) => {
  const text = `data: {"url":"/x?X-Plex-Token=${TOKEN}"}\n\n`
  const { abort } = await openStream(t, 'text/event-stream', text)
  const received = await abort('session-ended')
  t.notMatch(received, TOKEN)
  t.match(received, /usher-ended/)
})
