import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import t, { type Test } from 'tap'
import { spareUnsentAnswers } from '../../../src/app/unsent-answers.ts'
import { until } from '../../support/until.ts'

/** More than the system keeps for a reader. */
const BODY = Buffer.alloc(32 * 1024 * 1024, 'x')

/** A client that has begun to read and has stopped, of a response that was ended. */
async function stage(t: Test) {
  const server = createServer((_request, response) => response.end(BODY))
  const endSparing = spareUnsentAnswers(server)
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
  return { server, socket, seen, endSparing }
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

t.test('a stop that has waited long enough closes it like any other', async (t) => {
  const { server, socket, seen, endSparing } = await stage(t)
  endSparing()
  server.closeIdleConnections()
  socket.resume()
  await until(() => seen.isClosed, 'closed')
  t.ok(seen.bytes < BODY.length, `${seen.bytes} bytes`)
})
