import { once } from 'node:events'
import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { joinChunks } from '../../../src/app/joined-chunks.ts'

async function listen(t: Test, handle: (request: IncomingMessage) => Promise<string>): Promise<number> {
  const server: Server = createServer((request, response) => {
    handle(request).then(
      (body) => response.end(body),
      () => response.destroy()
    )
  })
  joinChunks(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return (server.address() as AddressInfo).port
}

const HEAD = 'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n'

async function send(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.write(HEAD + bytes)
  return text(socket)
}

t.test('rule 53: a body of one-byte chunks arrives in few pieces', async (t) => {
  let pieces = 0
  const port = await listen(t, async (request) => {
    let body = ''
    for await (const piece of request) {
      pieces += 1
      body += String(piece)
    }
    return `${body.length} ${body.replaceAll('a', '')}`
  })
  const coded = '1\r\na\r\n'.repeat(30_000)
  t.match(await send(port, `${coded}1\r\nb\r\n0\r\n\r\n`), /\r\n\r\n.*30001 b/s)
  t.ok(pieces < 300, `${pieces} pieces`)
})

t.test('a body arrives whole and in order, with its reader fast or slow', async (t) => {
  let pauseMs = 0
  const port = await listen(t, async (request) => {
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs))
    return text(request)
  })
  const pieces = Array.from({ length: 400 }, (_, index) =>
    String(index % 10).repeat(1 + ((index * 37) % 1500))
  )
  for (const long of ['', 'x'.repeat(20_000)]) {
    for (pauseMs of [0, 50]) {
      const body = [...pieces, long, ...pieces]
      const request = httpRequest({ port, method: 'POST', agent: false })
      for (const piece of body) if (piece !== '') request.write(piece)
      request.end()
      const [response] = (await once(request, 'response')) as [IncomingMessage]
      t.equal(await text(response), body.join(''))
    }
  }
})

t.test('a client that leaves within its body is an error for the reader alone', async (t) => {
  const { promise, resolve } = Promise.withResolvers<string>()
  const port = await listen(t, async (request) => {
    await text(request).then(
      () => resolve('whole'),
      (error: NodeJS.ErrnoException) => resolve(error.code ?? '')
    )
    return ''
  })
  const socket = connect(port, '127.0.0.1')
  socket.write(`${HEAD}1\r\na\r\n1\r\nb\r\n`, () => socket.destroy())
  t.equal(await promise, 'ECONNRESET')
})
