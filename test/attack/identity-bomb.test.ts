import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { BOX_ID } from '../simulator/servers.ts'
import { startTestUsher } from '../support/usher.ts'
import { stopMachine } from './machine.ts'

t.test(
  'rule 78: an identity as large as a film list holds nobody up, and is not read again at once',
  async (t) => {
    let identities = 0
    let others = 0
    const bomb = `<MediaContainer machineIdentifier="${BOX_ID}">${'<a b="c"/>'.repeat(200_000)}</MediaContainer>`
    const server = createServer((request, response) => {
      response.setHeader('content-type', 'text/xml')
      if (request.url === '/identity' && armed) {
        identities += 1
        response.end(bomb)
      } else if (request.url === '/identity') {
        response.end(`<MediaContainer machineIdentifier="${BOX_ID}" version="1"/>`)
      } else {
        // So that the identity is asked for again.
        others += armed ? 1 : 0
        request.socket.destroy()
      }
    })
    let armed = false
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => stopMachine(server))
    const { port } = server.address() as AddressInfo
    const usher = await startTestUsher(t, { settings: { USHER_PMS_URL: `http://127.0.0.1:${port}` } })
    const browser = await usher.signedIn()
    armed = true
    await browser.get('/pms/library/sections')
    const end = performance.now() + 1500
    let longest = 0
    const statuses: Promise<number>[] = []
    while (performance.now() < end) {
      statuses.push(browser.get('/pms/library/sections').then(({ status }) => status))
      // Work and not time: a busy machine holds everybody up.
      const before = process.cpuUsage()
      await browser.get('/healthz')
      const { user, system } = process.cpuUsage(before)
      longest = Math.max(longest, (user + system) / 1000)
      await delay(5)
    }
    // The first, and its retry, were on their way.
    t.ok((await Promise.all(statuses)).every((status) => status === 502))
    t.ok(others <= 2, 'and it is none')
    t.ok(longest < 400, `the event loop was busy for ${longest.toFixed(0)} ms`)
    t.ok(identities <= 6, `${identities} identities for ${statuses.length} requests`)
  }
)
