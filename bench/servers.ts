// Media servers that one account owns, each on a port of its own. Prints the ports, then stays until standard input ends.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { identity } from './upstream.ts'

const { COUNT = '0' } = process.env
const PART = Buffer.alloc(20_000_000)

const ports: number[] = []
for (let i = 0; i < Number(COUNT); i++) {
  const server = createServer((request, response) => {
    if (request.url === '/identity') response.end(identity(`benchserver${i}`))
    else response.writeHead(200, { 'Content-Type': 'video/x-matroska' }).end(PART)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  ports.push((server.address() as AddressInfo).port)
}
console.log(JSON.stringify(ports))
process.stdin.resume()
process.stdin.on('end', () => process.exit(0))
