import dns, { type LookupAddress } from 'node:dns'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { syncBuiltinESMExports } from 'node:module'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import t from 'tap'
import type { Problem } from '../../../src/domain/problems.ts'
import { IdentityFields } from '../../../src/fetch/identity-fields.ts'
import { createForwarders } from '../../../src/forward/forwarders.ts'
import { Load } from '../../../src/forward/loads.ts'
import type { PmsPrincipal } from '../../../src/forward/principals.ts'
import type { ConnectionRules } from '../../../src/plex/connections.ts'
import { createPresences } from '../../../src/plex/presences.ts'
import type { Session } from '../../../src/session/session.ts'
import { BIG_PART, CHANGE_STAMP } from '../../simulator/pms/catalogue.ts'
import type { Browser } from '../../support/browser.ts'
import { OWNER, startTestUsher, type TestUsher } from '../../support/usher.ts'

const PART = `/pms/library/parts/${BIG_PART}/${CHANGE_STAMP}/big.mkv`
/** Unroutable, and private. */
const INSIDE = '10.255.255.254'
const REFUSED = 'USHER_ADDRESS_REFUSED'

/** Names that this test's own name service knows; everything else is asked for as usual. */
const names = new Map<string, string>()
const realLookup = dns.lookup
dns.lookup = ((
  hostname: string,
  options: object,
  callback: (error: null, found: LookupAddress[]) => void
) => {
  const address = names.get(hostname)
  if (address === undefined) realLookup(hostname, options, callback as never)
  else process.nextTick(callback, null, [{ address, family: 4 }])
}) as typeof dns.lookup
syncBuiltinESMExports()

/** Has the browser's session point at its server by another address, as an earlier choice would have left it. */
function moveTo(usher: TestUsher, browser: Browser, uri: string): void {
  const { sessions, names: cookies } = usher.core
  const read = sessions.read(browser.cookie)
  if (!read.open || read.live.session.server === null) throw new Error('no server is chosen')
  const { session } = read.live
  const moved: Session = {
    ...session,
    id: `${session.id.slice(0, -4)}abcd`,
    server: { ...read.live.session.server, uri }
  }
  browser.jar.set(cookies.session, sessions.seal(moved))
}

async function choose(usher: TestUsher, name: string): Promise<Browser> {
  const browser = await usher.signedIn(OWNER)
  const servers = (await browser.get('/session/servers')).json as {
    name: string
    machineIdentifier: string
  }[]
  const machineIdentifier = servers.find((server) => server.name === name)?.machineIdentifier
  const body = JSON.stringify({ machineIdentifier })
  t.equal((await browser.ask('/session/server', { method: 'PUT', body })).status, 200)
  return browser
}

t.test('rule 42: a name that has moved since it was proven leads nowhere inside', async (t) => {
  const usher = await startTestUsher(t, { settings: { USHER_PMS_URL: undefined, USHER_ACCESS: 'anyone' } })
  const browser = await choose(usher, 'Den')
  names.set('den.test', '127.0.0.1')
  moveTo(usher, browser, usher.simulator.pms2Url.replace('127.0.0.1', 'den.test'))
  t.equal((await browser.get('/pms/library/sections')).status, 200, 'the name is followed where it may lead')
  names.set('den.test', INSIDE)
  // Media has connections of its own, so the first of them is made now.
  const refused = await browser.get(PART)
  t.match(refused, { status: 503, json: { code: 'USHER_UPSTREAM_UNREACHABLE' } })
  t.equal(usher.simulator.received({ path: PART.slice('/pms'.length) }).length, 0)
})

for (const mediaLane of [false, true]) {
  t.test(
    `rule 76: no server that people bring leads inside by itself, USHER_MEDIA_LANE=${mediaLane}`,
    async (t) => {
      const front = await startTcp(t)
      const config = {
        pms: { url: null, machineId: null, ca: null },
        publicUrl: { secure: false },
        allowedOrigins: [],
        upstreamTimeoutMs: 5000,
        mediaLane
      }
      const metrics = { upstreamSeconds: { observe() {} } }
      async function causeOf(
        role: 'owner' | 'shared',
        host: string,
        connectionRules: ConnectionRules
      ): Promise<string> {
        const core = { config, metrics, connectionRules, presences: createPresences() }
        const forwarders = createForwarders({ core: core as never, mount: '/pms' })
        t.teardown(() => forwarders.close())
        const principal = {
          role,
          identity: new IdentityFields(['x-plex-token', 'sim-srv-tok-Chosen01']),
          createScrubber: () => ({ scrub: (chunk: Buffer) => chunk, flush: () => Buffer.alloc(0) }),
          load: new Load(),
          hasEnded: () => false,
          isProven: () => true,
          addStream: () => () => {},
          mediaServer: { forgetIdentity() {} }
        } as unknown as PmsPrincipal
        return front.ask(
          (request, raw) =>
            new Promise((resolve) => {
              forwarders.of(principal).forward({
                sink: {
                  raw,
                  hijack: () => resolve('connected'),
                  header() {},
                  send: (problem) => resolve(String(((problem as Problem).cause as Error).message))
                },
                request,
                principal,
                method: 'GET',
                origin: `http://${host}:${front.upstreamPort}`,
                path: '/x',
                class: 'api',
                repeatable: true,
                largeBody: false,
                bodyCheck: null,
                handOn: null,
                extra: () => []
              })
            })
        )
      }
      names.set('inside.test', INSIDE)
      for (const role of ['shared', 'owner'] as const) {
        for (const host of [INSIDE, 'inside.test']) {
          t.equal(await causeOf(role, host, {}), REFUSED, `${role}: ${host}`)
          t.not(await causeOf(role, host, { allowPrivate: true }), REFUSED, `${role}: ${host}, allowed`)
        }
        for (const host of ['127.0.0.1', 'localhost', '[::1]', '[::ffff:127.0.0.1]'])
          t.equal(await causeOf(role, host, {}), REFUSED, `${role}: ${host}`)
        t.equal(await causeOf(role, '169.254.169.254', { allowPrivate: true }), REFUSED, 'metadata, never')
        t.equal(await causeOf(role, '127.0.0.1', { allowLoopback: true }), 'connected')
        t.equal(await causeOf(role, '127.0.0.1', { allowPrivate: true }), 'connected')
      }
    }
  )
}

type Handler = (request: IncomingMessage, response: import('node:http').ServerResponse) => Promise<string>

/** A front that runs one handler for each question, and an upstream port where something answers. */
async function startTcp(t: import('tap').Test) {
  const upstream = createTcpServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => socket.end('HTTP/1.1 204 No Content\r\n\r\n'))
  }).listen(0, '127.0.0.1')
  await once(upstream, 'listening')
  let handler: Handler | null = null
  const server = createServer(async (request, response) => {
    const text = await handler?.(request, response)
    if (!response.headersSent) response.end(text)
    else response.destroy()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    upstream.close()
    server.close()
    server.closeAllConnections()
  })
  return {
    upstreamPort: (upstream.address() as AddressInfo).port,
    async ask(next: Handler): Promise<string> {
      let result = ''
      handler = async (request, response) => {
        result = await next(request, response)
        return result
      }
      await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/x`).then(
        (answer) => answer.text(),
        () => ''
      )
      return result
    }
  }
}
