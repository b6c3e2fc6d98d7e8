import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { IdentityFields } from '../../src/fetch/identity-fields.ts'
import { createForwarders } from '../../src/forward/forwarders.ts'
import { Load } from '../../src/forward/loads.ts'
import type { PmsPrincipal } from '../../src/forward/principals.ts'
import { createPresences } from '../../src/plex/presences.ts'
import { startRaw } from '../src/fetch/raw-upstream.ts'
import { memoryInUse } from '../support/memory.ts'
import { until } from '../support/until.ts'

t.setTimeout(300_000)

const MEGABYTE = 1024 * 1024
const SERVERS = 63
const DOWNLOADS = 16
const BODY = Buffer.alloc(2 * MEGABYTE, 'v')

const bufferMegabytes = (): number => memoryInUse().arrayBuffers / MEGABYTE

t.test(
  'rule 73: 63 servers of one account share one pool of buffers, which is given back when idle',
  async (t) => {
    const origins: string[] = []
    for (let i = 0; i < SERVERS; i++) {
      const { origin } = await startRaw(t, (socket) => {
        // So that connections are idle for a second.
        socket.write(
          `HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nKeep-Alive: timeout=3\r\nContent-Length: ${BODY.length}\r\n\r\n`
        )
        socket.write(BODY)
      })
      origins.push(origin)
    }
    const presences = createPresences()
    const config = {
      pms: { url: null, machineId: null, ca: null },
      publicUrl: { secure: false },
      allowedOrigins: [],
      upstreamTimeoutMs: 20_000,
      mediaLane: true
    }
    const metrics = { upstreamSeconds: { observe() {} }, rateLimited: { inc() {} } }
    const core = { config, metrics, presences, connectionRules: { allowLoopback: true } }
    const forwarders = createForwarders({ core: core as never, mount: '/pms' })
    t.teardown(() => forwarders.close())
    const principal = {
      identity: new IdentityFields([]),
      load: new Load(),
      hasEnded: () => false,
      isProven: () => true,
      addStream: () => () => {}
    } as unknown as PmsPrincipal
    const front = createServer((request, response) => {
      forwarders.of(principal).forward({
        sink: { raw: response, hijack() {}, header() {}, send: () => response.destroy() },
        request,
        principal,
        method: 'GET',
        origin: origins[Number(request.url?.slice(1))] ?? '',
        path: '/x',
        class: 'media',
        repeatable: false,
        largeBody: false,
        bodyCheck: null,
        handOn: null,
        extra: () => []
      })
    })
    front.listen(0, '127.0.0.1')
    await once(front, 'listening')
    t.teardown(() => {
      front.close()
      front.closeAllConnections()
    })
    const { port } = front.address() as AddressInfo

    const before = bufferMegabytes()
    for (let server = 0; server < SERVERS; server++) {
      const sizes = await Promise.all(
        Array.from({ length: DOWNLOADS }, async () => {
          const answer = await fetch(`http://127.0.0.1:${port}/${server}`)
          let size = 0
          // Piece by piece: a whole body would count among the buffers below.
          for await (const piece of answer.body ?? []) size += piece.length
          return size
        })
      )
      if (sizes.some((size) => size !== BODY.length)) t.fail(`server ${server} gave ${sizes}`)
    }
    // Sweeping what a collection found goes on beside the program.
    await until(() => bufferMegabytes() - before < 32, 'less than 32 MB of buffers after 63 servers')
    await until(() => origins.every((origin) => presences.of(origin) === null))
    // The test's own client shares the process, and lets go of its last pieces when it comes to it.
    await until(() => bufferMegabytes() - before < 4, 'less than 4 MB of buffers with nothing connected')
  }
)
