// A media server of a few lines: it proves to be the configured one, tells whose token came, and sends big files.
import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const [machineIdentifier = ''] = process.argv.slice(2)
const PIECE = Buffer.alloc(256 * 1024, 'v')
const FILE_BYTES = 200 * 1024 * 1024

const server = createServer((request, response) => {
  if (request.url === '/identity') {
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ MediaContainer: { machineIdentifier, version: '1', claimed: true } }))
  } else if (request.url?.startsWith('/library/parts/')) {
    response.writeHead(200, { 'content-type': 'video/mp4', 'content-length': String(FILE_BYTES) })
    let left = FILE_BYTES
    const more = (): void => {
      while (left > 0) {
        left -= PIECE.length
        if (!response.write(PIECE)) return void response.once('drain', more)
      }
      response.end()
    }
    more()
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
