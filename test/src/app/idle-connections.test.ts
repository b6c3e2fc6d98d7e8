import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import t, { type Test } from 'tap'
import { mendIdleConnections } from '../../../src/app/idle-connections.ts'
import { until } from '../../support/until.ts'
import { startTestUsher } from '../../support/usher.ts'

/** More than the system keeps for a reader. */
const BODY = Buffer.alloc(32 * 1024 * 1024, 'x')

/** A client that has begun to read and has stopped, of a response that was ended. */
async function stage(t: Test) {
  const server = createServer((_request, response) => response.end(BODY))
  mendIdleConnections(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  t.teardown(() => {
    socket.destroy()
    server.close()
    server.closeAllConnections()
  })
  const seen = { bytes: 0, isClosed: false }
  socket.on('error', () => undefined)
  socket.once('close', () => {
    seen.isClosed = true
  })
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  socket.on('data', (chunk: Buffer) => {
    seen.bytes += chunk.length
  })
  await once(socket, 'data')
  socket.pause()
  return { server, socket, seen }
}

t.test('a slow reader gets its answer whole, and is idle after that', async (t) => {
  const { server, socket, seen } = await stage(t)
  server.closeIdleConnections()
  socket.resume()
  await until(() => seen.bytes > BODY.length || seen.isClosed, 'the end of the answer')
  t.ok(seen.bytes > BODY.length, `${seen.bytes} bytes`)
  t.notOk(seen.isClosed, 'it may ask again')
  await until(() => {
    server.closeIdleConnections()
    return seen.isClosed
  }, 'idle')
})

t.test('a connection that was opened ahead is idle', async (t) => {
  const server = createServer((_request, response) => response.end('x'))
  mendIdleConnections(server)
  server.listen(0, '127.0.0.1')
  const arrived = once(server, 'connection')
  await once(server, 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  socket.on('error', () => undefined)
  t.teardown(() => {
    socket.destroy()
    server.close()
  })
  await arrived
  const closed = once(socket, 'close')
  server.closeIdleConnections()
  await closed
})

t.test('no connection holds a stop up', async (t) => {
  const usher = await startTestUsher(t)
  for (const url of [usher.publicUrl, usher.internalUrl]) {
    for (const text of [
      '',
      'GET / HTT',
      'POST /session/login HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{'
    ]) {
      const socket = connect(Number(new URL(url).port), '127.0.0.1')
      t.teardown(() => socket.destroy())
      socket.on('error', () => undefined)
      await once(socket, 'connect')
      socket.write(text)
    }
  }
  await t.resolves(usher.stop(0))
})
