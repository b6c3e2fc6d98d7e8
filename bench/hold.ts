// Opens connections and keeps them: idle after one response, reading a file slowly, or listening to events.
// Prints how many got a response, then waits until standard input ends.
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

const { TARGET = '', COOKIE = '', COUNT = '1', MODE = 'idle' } = process.env
const { hostname, port, pathname } = new URL(TARGET)
const WAIT_MS = 5000
const BATCH = 50

let answered = 0

/** At most 64 KB every 100 ms: nearly stopped, but never idle long enough to be cut off. */
function readSlowly(socket: Socket): void {
  socket.pause()
  const timer = setInterval(() => {
    socket.once('data', () => socket.pause())
    socket.resume()
  }, 100)
  socket.on('close', () => clearInterval(timer))
}

function open(): Socket {
  const socket = connect(Number(port), hostname)
  socket.on('error', () => socket.destroy())
  let seen = ''
  socket.on('data', function count(chunk: Buffer) {
    seen += chunk.toString('latin1')
    const end = seen.indexOf('\r\n\r\n')
    if (end < 0 || seen.length === end + 4) return
    socket.removeListener('data', count)
    if (/^HTTP\/1\.1 200/.test(seen)) answered++
    if (MODE === 'slow') readSlowly(socket)
    else socket.resume()
  })
  socket.write(
    `GET ${pathname} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nCookie: ${COOKIE}\r\n` +
      'Sec-Fetch-Site: same-origin\r\nAccept: */*\r\n\r\n'
  )
  return socket
}

for (let i = 0; i < Number(COUNT); i++) {
  open()
  if (i % BATCH === BATCH - 1) await sleep(10)
}
const deadline = performance.now() + WAIT_MS
while (answered < Number(COUNT) && performance.now() < deadline) await sleep(20)
console.log(JSON.stringify({ answered }))
process.stdin.resume()
process.stdin.on('end', () => process.exit(0))
