// A media server of a few lines: it proves to be the configured one, tells whose token came, and sends big files.
import { createHash } from 'node:crypto'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

const [machineIdentifier = ''] = process.argv.slice(2)
const PIECE = Buffer.alloc(256 * 1024, 'v')
const FILE_BYTES = 200 * 1024 * 1024
/** A list of films as large as those of a big library. */
const LIST_PIECE = Buffer.from(
  '{"title":"A film","year":1999,"summary":"Words."}'.padEnd(64, ' ').repeat(1024)
)
const LIST_BYTES = 20 * 1024 * 1024

function send(response: ServerResponse, piece: Buffer, bytes: number): void {
  let left = bytes
  const more = (): void => {
    while (left > 0) {
      left -= piece.length
      if (!response.write(piece)) return void response.once('drain', more)
    }
    response.end()
  }
  more()
}

const server = createServer((request, response) => {
  if (request.url === '/identity') {
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ MediaContainer: { machineIdentifier, version: '1', claimed: true } }))
  } else if (request.url?.startsWith('/library/parts/')) {
    response.writeHead(200, { 'content-type': 'video/mp4', 'content-length': String(FILE_BYTES) })
    send(response, PIECE, FILE_BYTES)
  } else if (request.url?.startsWith('/library/all')) {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': String(LIST_BYTES) })
    send(response, LIST_PIECE, LIST_BYTES)
  } else {
    const token = String(request.headers['x-plex-token'])
    const who = createHash('sha256').update(token).digest('hex')
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ who, path: request.url }))
  }
})
server.listen(0, '127.0.0.1', () => {
  process.send?.({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
})
process.on('disconnect', () => process.exit())
