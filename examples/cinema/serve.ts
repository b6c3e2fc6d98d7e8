// Serves the cinema below /cinema/, and Usher at every other path: one origin, so the page needs no CORS. In production
// nginx or Caddy does this (examples/nginx, examples/caddy).
import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { brotliCompressSync } from 'node:zlib'
import { buildCinema } from './build.ts'

export interface CinemaSite {
  readonly url: string
  readonly server: Server
  /** Where Usher listens, on loopback; until then its paths answer 502. */
  pointTo(port: number): void
}

const TYPES: Readonly<Record<string, string>> = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  html: 'text/html; charset=utf-8'
}
const POLICY =
  "default-src 'self'; img-src 'self' data:; media-src 'self' blob:; worker-src blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

export async function serveCinema(port = 0): Promise<CinemaSite> {
  const files = new Map(
    [...(await buildCinema())].map(([name, text]) => [name, { text, packed: brotliCompressSync(text) }])
  )
  let usherPort = 0

  function sendFile(name: string, message: IncomingMessage, response: ServerResponse): void {
    const file = files.get(name === '' ? 'index.html' : name)
    if (file === undefined) return void response.writeHead(404).end()
    const isPacked = /\bbr\b/.test(String(message.headers['accept-encoding'] ?? ''))
    response
      .writeHead(200, {
        'content-type': TYPES[name.split('.').pop() ?? ''] ?? TYPES['html'],
        'cache-control': name === '' ? 'no-cache' : 'public, max-age=31536000, immutable',
        'content-security-policy': POLICY,
        'x-content-type-options': 'nosniff',
        vary: 'accept-encoding',
        ...(isPacked && { 'content-encoding': 'br' })
      })
      .end(isPacked ? file.packed : file.text)
  }

  function forward(message: IncomingMessage) {
    const { method, url: path, headers, socket } = message
    return request({
      host: '127.0.0.1',
      port: usherPort,
      method,
      path,
      headers: { ...headers, 'x-forwarded-for': socket.remoteAddress, 'x-forwarded-proto': 'http' }
    })
  }

  const server = createServer((message, response) => {
    const path = (message.url ?? '/').replace(/\?.*/, '')
    if (path === '/cinema') return void response.writeHead(308, { location: '/cinema/' }).end()
    if (path.startsWith('/cinema/')) return sendFile(path.slice('/cinema/'.length), message, response)
    const outgoing = forward(message)
    outgoing.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
      // Both ends of a stream close together, in whichever order they go.
      answer.on('error', () => response.destroy()).pipe(response)
    })
    outgoing.on('error', () => (response.headersSent ? response.destroy() : response.writeHead(502).end()))
    response.on('close', () => outgoing.destroy())
    message.pipe(outgoing)
  })
  server.on('upgrade', (message: IncomingMessage, socket: Duplex, head: Buffer) => {
    const outgoing = forward(message)
    outgoing.on('upgrade', (answer, other: Duplex, rest: Buffer) => {
      const lines = answer.rawHeaders.flatMap((name, at, all) =>
        at % 2 === 0 ? [`${name}: ${all[at + 1]}`] : []
      )
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('\r\n')}\r\n\r\n`)
      other.on('error', () => socket.destroy())
      other.unshift(rest)
      other.pipe(socket).pipe(other)
    })
    outgoing.on('response', () => socket.destroy())
    outgoing.on('error', () => socket.destroy())
    socket.on('error', () => outgoing.destroy())
    socket.unshift(head)
    outgoing.end()
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    server,
    pointTo(other) {
      usherPort = other
    }
  }
}
