import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import type { Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import t from 'tap'
import { createBrowser } from '../support/browser.ts'
import { sendRaw } from '../support/raw.ts'
import { until } from '../support/until.ts'
import { startTestUsher, type TestUsher } from '../support/usher.ts'

const UPGRADE =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'

t.test('rule 49: an upgrade behind a request that is not answered yet takes nothing down', async (t) => {
  const usher = await startTestUsher(t)
  const host = `Host: ${new URL(usher.publicUrl).host}\r\n`
  usher.simulator.faults.set({ service: 'plex', path: '/api/v2/pins', kind: 'latency', ms: 200 })
  const socket = '/pms/:/websockets/notifications'
  for (const first of ['/session', '/session/login', '/healthz', '/nowhere']) {
    const bytes = `GET ${first} HTTP/1.1\r\n${host}\r\nGET ${socket} HTTP/1.1\r\n${host}${UPGRADE}\r\n`
    await sendRaw(usher.publicUrl, bytes)
    t.equal((await usher.browser().get('/healthz')).status, 204, `alive after ${first}`)
  }
})

/** The HTTP server that answers at this address: others of this process are asked things too, at any time. */
async function serverOf(usher: TestUsher, url = usher.publicUrl): Promise<Server> {
  const found = Promise.withResolvers<Server>()
  const see = (message: unknown) => {
    const { server } = message as { server: Server }
    if ((server.address() as AddressInfo | null)?.port === Number(new URL(url).port)) found.resolve(server)
  }
  subscribe('http.server.request.start', see)
  await createBrowser(url).get('/healthz')
  unsubscribe('http.server.request.start', see)
  return found.promise
}

t.test('rule 53: whoever sends nonsense and keeps the line open is hung up on', async (t) => {
  const usher = await startTestUsher(t)
  const { port, host } = new URL(usher.publicUrl)
  const server = await serverOf(usher)
  const count = () =>
    new Promise<number>((resolve, reject) =>
      server.getConnections((error, open) => (error ? reject(error) : resolve(open)))
    )
  await until(async () => (await count()) === 0, 'no connection is left')
  const post = `POST /session HTTP/1.1\r\nHost: ${host}\r\n${UPGRADE}\r\n`
  for (const bytes of ['nonsense\r\n\r\n', post, `GET / HTTP/1.1\r\nX: ${'x'.repeat(70_000)}`]) {
    const socket = connect({ port: Number(port), host: '127.0.0.1', allowHalfOpen: true })
    socket.on('error', () => undefined)
    socket.resume()
    socket.write(bytes)
    await once(socket, 'end')
    t.ok(socket.writable, 'the client has not hung up')
    await until(async () => (await count()) === 0, `the connection is gone: ${bytes.slice(0, 12)}`)
    socket.destroy()
  }
})

t.test(
  'rule 53: both listeners bound the time of a head and of a whole request, and the size of heads',
  async (t) => {
    const usher = await startTestUsher(t)
    for (const url of [usher.publicUrl, usher.internalUrl]) {
      const server = await serverOf(usher, url)
      t.ok(server.headersTimeout > 0 && server.headersTimeout <= 60_000, 'a head')
      t.ok(server.requestTimeout > 0 && server.requestTimeout <= 60_000, 'a whole request')
      const { status } = await sendRaw(
        url,
        `GET /healthz HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(70_000)}\r\n\r\n`
      )
      t.equal(status, 431)
    }
  }
)
