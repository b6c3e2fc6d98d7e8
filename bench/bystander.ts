// A person who looks at one page after the other, over one connection. Prints how long the slowest percent took.
import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

const { TARGET = '', COOKIE = '', SECONDS = '1' } = process.env
const PAUSE_MS = 2

const agent = new Agent({ keepAlive: true, maxSockets: 1 })
const headers = { Cookie: COOKIE, 'Sec-Fetch-Site': 'same-origin', Accept: 'application/json' }

/** Microseconds until the whole page is there; null where it is not. */
function look(): Promise<number | null> {
  const { promise, resolve } = Promise.withResolvers<number | null>()
  const before = performance.now()
  const asked = request(TARGET, { agent, headers }, (response) => {
    response.resume()
    response.on('end', () =>
      resolve(response.statusCode === 200 ? (performance.now() - before) * 1000 : null)
    )
    response.on('error', () => resolve(null))
  })
  asked.setTimeout(10_000, () => asked.destroy())
  asked.on('error', () => resolve(null))
  asked.end()
  return promise
}

const times: number[] = []
let failed = 0
const end = performance.now() + Number(SECONDS) * 1000
while (performance.now() < end) {
  const took = await look()
  if (took === null) failed++
  else times.push(took)
  await sleep(PAUSE_MS)
}
agent.destroy()
times.sort((a, b) => a - b)
console.log(
  JSON.stringify({ p99Us: times[Math.floor(times.length * 0.99)] ?? 0, pages: times.length, failed })
)
