import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import t from 'tap'
import { WebSocket } from 'ws'
import { BIG_PART, CHANGE_STAMP, SMALL_PART } from '../../simulator/pms/catalogue.ts'
import { partBytes } from '../../simulator/pms/parts.ts'
import type { Browser } from '../../support/browser.ts'
import { sendRaw } from '../../support/raw.ts'
import { until } from '../../support/until.ts'
import { FRIEND, startTestUsher, type TestUsher } from '../../support/usher.ts'

const SMALL = `/pms/library/parts/${SMALL_PART}/${CHANGE_STAMP}/file.mkv`
const BIG = `/pms/library/parts/${BIG_PART}/${CHANGE_STAMP}/big.mkv`
const EVENTS = '/pms/:/eventsource/notifications?filters='

/** An answer as it streams; `browser` is nobody where there is none. */
function open(usher: TestUsher, browser: Browser | null, path: string): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const headers = { 'sec-fetch-site': 'same-origin', ...(browser && { cookie: browser.cookie }) }
  httpRequest(usher.publicUrl + path, { headers, agent: false })
    .on('error', reject)
    .on('response', resolve)
    .end()
  return promise
}

/** How the rest of a body ends: 'end', or the code of the error; the same one if it broke before anybody read on. */
async function ending(stream: IncomingMessage): Promise<string> {
  try {
    for await (const _ of stream);
    return 'end'
  } catch (error) {
    const { code = 'error' } = error as NodeJS.ErrnoException
    return code === 'ERR_STREAM_PREMATURE_CLOSE' ? 'ECONNRESET' : code
  }
}

function connect(
  usher: TestUsher,
  browser: Browser | null,
  path: string,
  headers: Record<string, string> = { 'sec-fetch-site': 'same-origin' }
): WebSocket {
  const socket = new WebSocket(usher.publicUrl.replace('http', 'ws') + path, {
    perMessageDeflate: { threshold: 0 },
    headers: { ...(browser && { cookie: browser.cookie }), ...headers }
  })
  socket.on('error', () => {})
  return socket
}

async function refusal(socket: WebSocket): Promise<{ status: number | undefined; text: string }> {
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage]
  let text = ''
  for await (const chunk of response) text += String(chunk)
  return { status: response.statusCode, text }
}

for (const lane of ['false', 'true']) {
  t.test(`media, with USHER_MEDIA_LANE=${lane}`, async (t) => {
    const usher = await startTestUsher(t, { settings: { USHER_MEDIA_LANE: lane } })
    const friend = await usher.signedIn(FRIEND)

    await t.test('a player seeks: ranges, their ends, and what is beyond', async (t) => {
      const whole = await friend.get(SMALL)
      t.equal(whole.status, 200)
      t.match(whole.headers, {
        'content-type': 'video/x-matroska',
        'content-length': '5000000',
        'accept-ranges': 'bytes'
      })
      t.ok(whole.body.equals(partBytes(0, 5_000_000)))
      for (const [range, start, length] of [
        ['bytes=0-0', 0, 1],
        ['bytes=70000-80000', 70_000, 10_001],
        ['bytes=4999990-', 4_999_990, 10],
        ['bytes=-3', 4_999_997, 3]
      ] as const) {
        const part = await friend.get(SMALL, { range })
        t.equal(part.status, 206, range)
        t.equal(part.headers['content-range'], `bytes ${start}-${start + length - 1}/5000000`)
        t.ok(part.body.equals(partBytes(start, length)), range)
      }
      const beyond = await friend.get(SMALL, { range: 'bytes=5000000-' })
      t.match(beyond, { status: 416, headers: { 'content-range': 'bytes */5000000' } })
      t.equal(beyond.json.code, 'USHER_UPSTREAM_REFUSED')
    })

    await t.test('HEAD and conditional requests', async (t) => {
      const head = await friend.ask(SMALL, { method: 'HEAD' })
      t.match(head, { status: 200, text: '', headers: { 'content-length': '5000000' } })
      const { etag } = head.headers
      const fresh = await friend.get(SMALL, { 'if-none-match': etag })
      t.match(fresh, { status: 304, text: '', headers: { etag } })
      t.match(await friend.get(SMALL, { range: 'bytes=0-9', 'if-range': etag }), { status: 206 })
      t.match(await friend.get(SMALL, { range: 'bytes=0-9', 'if-range': '"other"' }), { status: 200 })
    })

    await t.test('rule 55: a player that leaves stops the transfer at the media server', async (t) => {
      const stream = await open(usher, friend, BIG)
      await once(stream, 'data')
      await until(() => usher.core.streams.open.media === 1, 'openStreams.media === 1')
      stream.destroy()
      await until(() => usher.simulator.activeResponses('pms') === 0, 'activeResponses(pms) === 0')
      await until(() => usher.core.streams.open.media === 0, 'openStreams.media === 0')
      const [seen] = usher.simulator.received({ service: 'pms', path: BIG.slice(4) })
      t.equal(seen?.state, 'aborted')
      t.ok((seen?.bytesSent ?? 0) < 50_000_000, `${seen?.bytesSent} bytes were sent`)
    })

    await t.test('rule 55: a media server that breaks off is a broken transfer', async (t) => {
      usher.simulator.faults.set({ kind: 'half-reset', path: SMALL.slice(4) })
      t.equal(await ending(await open(usher, friend, SMALL)), 'ECONNRESET')
      usher.simulator.faults.clear()
    })

    await t.test('logout ends a transfer that nobody reads', async (t) => {
      const leaving = await usher.signedIn(FRIEND)
      const stream = await open(usher, leaving, BIG)
      stream.pause()
      await until(() => usher.core.streams.open.media === 1, 'openStreams.media === 1')
      t.equal((await leaving.post('/session/logout')).status, 204)
      t.equal(await ending(stream), 'ECONNRESET')
      await until(() => usher.simulator.activeResponses('pms') === 0, 'activeResponses(pms) === 0')
    })

    await t.test('an HLS playlist leads to its segments by its own relative addresses', async (t) => {
      let url = new URL(
        '/pms/video/:/transcode/universal/start.m3u8?path=%2Flibrary%2Fmetadata%2F1003&session=s1',
        usher.publicUrl
      )
      const follow = async () => {
        const answer = await friend.get(url.pathname + url.search)
        t.equal(answer.status, 200, url.pathname)
        const next = answer.text.split('\n').find((line) => line !== '' && !line.startsWith('#'))
        if (next !== undefined) url = new URL(next, url)
        return answer
      }
      t.match((await follow()).headers['content-type'], /mpegurl/i)
      t.match((await follow()).text, '#EXTINF')
      const segment = await friend.get(url.pathname)
      t.match(segment, { status: 200, headers: { 'content-type': 'video/MP2T' } })
      t.equal(segment.body[0], 0x47)
      t.equal((await friend.get('/pms/video/:/transcode/universal/stop?session=s1')).status, 200)
    })
  })
}

t.test('events and sockets', async (t) => {
  const usher = await startTestUsher(t)
  const owner = await usher.signedIn()

  await t.test('an event arrives while the stream stays open, and a token in it is masked', async (t) => {
    const stream = await open(usher, owner, EVENTS)
    t.match(stream.headers, { 'content-type': 'text/event-stream', 'x-content-type-options': 'nosniff' })
    await until(() => usher.simulator.pms.streams() === 1, 'pms.streams() === 1')
    let text = ''
    stream.on('data', (chunk) => {
      text += String(chunk)
    })
    usher.simulator.pms.push('playing', { state: 'playing', url: '/x?X-Plex-Token=abc' })
    await until(() => /"state":"playing".*\n\n$/.test(text), 'the whole event is there')
    t.match(text, 'X-Plex-Token=***')
    t.equal(usher.core.streams.open.events, 1)
    stream.destroy()
    await until(() => usher.simulator.pms.streams() === 0, 'pms.streams() === 0')
  })

  await t.test('a WebSocket on both spellings of its path, uncompressed', async (t) => {
    for (const path of ['/pms/:/websockets/notifications', '/pms/:/websocket/notifications']) {
      const socket = connect(usher, owner, path)
      await once(socket, 'open')
      t.equal(socket.extensions, '')
      await until(() => usher.simulator.pms.sockets() === 1, 'pms.sockets() === 1')
      usher.simulator.pms.push('timeline', { itemID: 1 })
      const [frame] = await once(socket, 'message')
      t.match(JSON.parse(String(frame)), {
        NotificationContainer: { type: 'timeline', TimelineEntry: [{ itemID: 1 }] }
      })
      socket.send('hello')
      await until(() => usher.simulator.pms.frames().includes('hello'), 'pms.frames().includes(hello)')
      socket.close()
      await until(() => usher.simulator.pms.sockets() === 0, 'pms.sockets() === 0')
    }
    await until(
      () => usher.logs.filter(({ status, route }) => status === 101 && route === '/pms/*').length === 2,
      'both are in the log'
    )
  })

  await t.test(
    'a socket is refused as any other request is, and the media server hears nothing',
    async (t) => {
      usher.simulator.clearReceived()
      const path = '/pms/:/websockets/notifications'
      t.match(await refusal(connect(usher, null, path)), { status: 401, text: /USHER_SESSION_REQUIRED/ })
      t.match(await refusal(connect(usher, owner, path, { 'sec-fetch-site': 'cross-site' })), {
        status: 403,
        text: /USHER_CROSS_SITE/
      })
      t.match(await refusal(connect(usher, owner, path, { origin: 'https://evil.test' })), { status: 403 })
      t.match(
        await refusal(connect(usher, owner, path, { host: 'evil.test', 'sec-fetch-site': 'same-origin' })),
        { status: 400 }
      )
      t.match(await refusal(connect(usher, owner, '/pms/:/websockets/other')), {
        status: 403,
        text: /USHER_PATH_DENIED/
      })
      t.match(await refusal(connect(usher, owner, '/session')), { status: 200 })
      t.match((await owner.get(path)).json, { status: 400, code: 'USHER_INVALID_REQUEST' })
      const { host } = new URL(usher.publicUrl)
      const upgrade = `Host: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n`
      t.equal(
        (
          await sendRaw(
            usher.publicUrl,
            `POST /session/logout HTTP/1.1\r\n${upgrade}Content-Length: 0\r\n\r\n`
          )
        ).status,
        400
      )
      t.equal(usher.simulator.received().length, 0)
    }
  )

  await t.test('logout ends streams, transfers and sockets, of this session alone', async (t) => {
    const leaving = await usher.signedIn()
    const staying = await usher.signedIn(FRIEND)
    const events = await open(usher, leaving, EVENTS)
    const media = await open(usher, leaving, BIG)
    media.pause()
    const others = await open(usher, staying, EVENTS)
    others.resume()
    const socket = connect(usher, leaving, '/pms/:/websockets/notifications')
    await once(socket, 'open')
    await until(
      () => usher.core.streams.open.media === 1 && usher.core.streams.open.socket === 1,
      'openStreams.media === 1 && openStreams.socket === 1'
    )
    const closed = once(socket, 'close')
    t.equal((await leaving.post('/session/logout')).status, 204)
    let text = ''
    events.on('data', (chunk) => {
      text += String(chunk)
    })
    await once(events, 'end')
    t.match(text, /event: usher-ended\ndata: \{"reason":"session-ended"\}\n\n$/)
    t.equal(await ending(media), 'ECONNRESET')
    const [code, reason] = (await closed) as [number, Buffer]
    t.equal(code, 1008)
    t.equal(reason.toString(), 'session ended')
    await until(
      () => usher.simulator.pms.streams() === 1 && usher.simulator.pms.sockets() === 0,
      'pms.streams() === 1 && pms.sockets() === 0'
    )
    const { open: left } = usher.core.streams
    await until(() => left.media + left.socket === 0 && left.events === 1, 'and at Usher')
    t.notOk(others.destroyed)
    others.destroy()
  })

  await t.test('one hundred and fifty event streams leave room for short answers', async (t) => {
    const streams = await Promise.all(Array.from({ length: 150 }, () => open(usher, owner, EVENTS)))
    t.equal((await owner.get('/pms/library/sections')).status, 200)
    for (const stream of streams) stream.destroy()
    await until(() => usher.simulator.pms.streams() === 0, 'pms.streams() === 0')
  })
})

t.test('rule 69: one account that reads nothing does not take the connections of everybody', async (t) => {
  const usher = await startTestUsher(t)
  const [greedy, other] = await Promise.all([usher.signedIn(), usher.signedIn(FRIEND)])
  // None comes to its end. Not a big part: so many of those fill the memory that the system has for sockets.
  usher.simulator.faults.set({ service: 'pms', path: SMALL.slice(4), kind: 'stall' })
  const held: IncomingMessage[] = []
  for (let i = 0; i < 64; i++) held.push(await open(usher, greedy, SMALL))
  await until(() => usher.core.streams.open.media === 64, '64 are open')
  usher.simulator.faults.clear()

  const refused = await open(usher, greedy, SMALL)
  t.equal(refused.statusCode, 503)
  t.match(refused.headers, { 'retry-after': '1', 'content-type': /problem/ })
  t.equal(await ending(refused), 'end')
  t.equal((await greedy.get('/pms/library/sections')).status, 200, 'what is no media still passes')
  t.equal((await other.get(SMALL)).status, 200, 'and another session is not touched')

  held.pop()?.destroy()
  await until(() => usher.core.streams.open.media < 64, 'one is closed')
  t.equal((await greedy.get(SMALL)).status, 200, 'there is room again')
  for (const stream of held) stream.destroy()
})

t.test('rule 70: one account has a bounded number of event streams and sockets', async (t) => {
  const usher = await startTestUsher(t)
  const owner = await usher.signedIn()
  const streams = await Promise.all(Array.from({ length: 260 }, () => open(usher, owner, EVENTS)))
  t.equal(streams.filter(({ statusCode }) => statusCode === 200).length, 256)
  t.equal(streams.filter(({ statusCode }) => statusCode === 503).length, 4)

  const path = '/pms/:/websockets/notifications'
  const socket = connect(usher, owner, path)
  await once(socket, 'open')
  for (const stream of streams) stream.destroy()
  await until(() => usher.core.streams.open.events === 0, 'all streams are closed')
  t.equal((await open(usher, owner, EVENTS)).statusCode, 200, 'there is room again')

  const sockets = [socket]
  for (let i = 1; i < 256; i++) sockets.push(connect(usher, owner, path))
  await Promise.all(sockets.slice(1).map((each) => once(each, 'open')))
  t.match(await refusal(connect(usher, owner, path)), { status: 503, text: /USHER_BUSY/ })
  for (const each of sockets) each.close()
  await until(() => usher.core.streams.open.socket === 0, 'all sockets are closed')
  const again = connect(usher, owner, path)
  await once(again, 'open')
  again.close()
})
