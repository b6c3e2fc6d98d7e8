// Fetches one URL as fast as one connection can, without looking at the body: prints bytes and seconds.
import { connect } from 'node:net'

const { TARGET = '', COOKIE = '' } = process.env
const { hostname, port, pathname } = new URL(TARGET)
const READ_BYTES = 1_048_576

let head = ''
let expected = -1
let received = 0
const startedAt = performance.now()

function finish(): void {
  const seconds = (performance.now() - startedAt) / 1000
  console.log(JSON.stringify({ bytes: received, seconds }))
  process.exit(received === expected ? 0 : 1)
}

const socket = connect({
  host: hostname,
  port: Number(port),
  onread: {
    buffer: Buffer.allocUnsafe(READ_BYTES),
    callback(bytes, buffer) {
      if (expected >= 0) received += bytes
      else {
        head += Buffer.from(buffer.buffer, buffer.byteOffset, bytes).toString('latin1')
        const end = head.indexOf('\r\n\r\n')
        if (end < 0) return true
        if (!/^HTTP\/1\.1 200/.test(head)) throw new Error(head.slice(0, 200))
        expected = Number(/^content-length: (\d+)/im.exec(head)?.[1])
        received = head.length - end - 4
      }
      if (received >= expected) finish()
      return true
    }
  }
})
socket.on('end', finish)
socket.setTimeout(20_000, finish)
socket.write(
  `GET ${pathname} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nCookie: ${COOKIE}\r\n` +
    'Sec-Fetch-Site: same-origin\r\nAccept: */*\r\n\r\n'
)
