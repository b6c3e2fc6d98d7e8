// The upstream when nginx is missing. It is slower, so fast contenders may not be the bottleneck.
import { createReadStream, readFileSync, statSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import { PATHS, type Payload } from './payload.ts'
import { identity, root } from './upstream.ts'

const { PORT = '0', PAYLOAD = '{}', MACHINE = '' } = process.env
const payload = JSON.parse(PAYLOAD) as Payload
const small = readFileSync(payload.small)
const large = readFileSync(payload.large)
const partBytes = statSync(payload.part).size

function json(res: ServerResponse, body: Buffer | string): void {
  res.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) })
  res.end(body)
}

function part(res: ServerResponse, range: string | undefined): void {
  const [, from = '0', to = ''] = /^bytes=(\d+)-(\d*)$/.exec(range ?? '') ?? []
  const start = Number(from)
  const end = Math.min(to === '' ? partBytes - 1 : Number(to), partBytes - 1)
  const headers = { 'Content-Type': 'video/x-matroska', 'Content-Length': end - start + 1 }
  if (range === undefined) res.writeHead(200, headers)
  else res.writeHead(206, { ...headers, 'Content-Range': `bytes ${start}-${end}/${partBytes}` })
  createReadStream(payload.part, { start, end, highWaterMark: 262_144 }).pipe(res)
}

function events(res: ServerResponse): void {
  res.writeHead(200, { 'Content-Type': 'text/event-stream' })
  const timer = setInterval(() => res.write('event: playing\ndata: {}\n\n'), 500)
  res.on('close', () => clearInterval(timer))
}

createServer((req, res) => {
  const { pathname } = new URL(req.url ?? '/', 'http://stub')
  if (pathname === '/identity') return json(res, identity(MACHINE))
  if (pathname === '/') return json(res, root(MACHINE))
  if (req.headers.cookie !== undefined) return res.writeHead(400).end()
  if (!req.headers['x-plex-token']) return res.writeHead(401).end()
  if (pathname === PATHS.small) return json(res, small)
  if (pathname === PATHS.large) return json(res, large)
  if (pathname === PATHS.list) {
    res.writeHead(200, { 'Content-Type': 'application/json' })
    return createReadStream(payload.list).pipe(res)
  }
  if (pathname === PATHS.part) return part(res, req.headers.range)
  if (pathname === PATHS.events) return events(res)
  return res.writeHead(404).end()
}).listen(Number(PORT), '127.0.0.1')
