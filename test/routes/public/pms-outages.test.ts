import { once } from 'node:events'
import t from 'tap'
import { WebSocket } from 'ws'
import { until } from '../../support/until.ts'
import { FRIEND, startTestUsher } from '../../support/usher.ts'

const JSON_ONLY = { accept: 'application/json' }
const OTHER_MACHINE = 'f'.repeat(40)

t.test('a dead token ends the session, and only where plex.tv says so', async (t) => {
  let now = Date.now()
  const usher = await startTestUsher(t, { now: () => now })

  await t.test('dead at plex.tv: 401, and the cookie is cleared', async (t) => {
    const owner = await usher.signedIn()
    usher.simulator.tokens.revokeAccount('owner')
    now += 60_000
    const answer = await owner.get('/pms/library/sections')
    t.match(answer.json, {
      status: 401,
      code: 'USHER_SESSION_REVOKED',
      upstream: { service: 'pms', status: 401 }
    })
    t.match(answer.setCookies, [/^usher=;.*max-age=0/i])
    t.match((await owner.get('/session')).json, { status: 401 })
  })

  await t.test('alive at plex.tv: 403, and the session stays', async (t) => {
    const friend = await usher.signedIn(FRIEND)
    now += 60_000
    usher.simulator.faults.set({ kind: 'invalid-token', service: 'pms', path: '/library' })
    usher.simulator.clearReceived()
    const answers = await Promise.all(Array.from({ length: 20 }, () => friend.get('/pms/library/sections')))
    for (const { json } of answers) {
      t.match(json, {
        status: 403,
        code: 'USHER_SERVER_ACCESS_DENIED',
        upstream: { service: 'pms', status: 401 }
      })
    }
    t.equal(
      usher.simulator.received({ service: 'plex', path: '/api/v2/user' }).length,
      1,
      'plex.tv is asked once'
    )
    usher.simulator.faults.clear()
    t.equal((await friend.get('/session')).status, 200)
    t.equal((await friend.get('/pms/library/sections')).status, 200)
  })

  await t.test('plex.tv away: nobody knows, and the session stays', async (t) => {
    const friend = await usher.signedIn(FRIEND)
    now += 60_000
    usher.simulator.faults.set({ kind: 'invalid-token', service: 'pms', path: '/library' })
    await usher.simulator.plexDown()
    t.match((await friend.get('/pms/library/sections')).json, {
      status: 503,
      code: 'USHER_UPSTREAM_UNREACHABLE'
    })
    await usher.simulator.plexUp()
    usher.simulator.faults.clear()
    t.equal((await friend.get('/pms/library/sections')).status, 200)
  })
})

t.test('while plex.tv is away: the media server stays open for USHER_OUTAGE_GRACE, then 503', async (t) => {
  let now = Date.now()
  const usher = await startTestUsher(t, {
    now: () => now,
    settings: { USHER_RECHECK: '1m', USHER_OUTAGE_GRACE: '1h' }
  })
  const owner = await usher.signedIn()
  // A media server asks plex.tv about tokens too, but not about those it knows.
  await owner.get('/pms/library/sections')
  await usher.simulator.plexDown()
  now += 30 * 60_000
  t.equal((await owner.get('/pms/library/sections')).status, 200)
  now += 31 * 60_000
  t.match((await owner.get('/pms/library/sections')).json, {
    status: 503,
    code: 'USHER_UPSTREAM_UNREACHABLE'
  })
  await usher.simulator.plexUp()
  now += 60_000
  t.equal((await owner.get('/pms/library/sections')).status, 200, 'the session was kept')
})

t.test('the media server', async (t) => {
  // Long enough for what answers on a busy machine.
  const usher = await startTestUsher(t, { settings: { USHER_UPSTREAM_TIMEOUT: '5s' } })
  const owner = await usher.signedIn()
  const { simulator } = usher
  await owner.get('/pms/library')

  await t.test('down: 503 for a page and for a socket; up again: as before', async (t) => {
    await simulator.pmsDown()
    t.match((await owner.get('/pms/library/sections')).json, {
      status: 503,
      code: 'USHER_UPSTREAM_UNREACHABLE'
    })
    const socket = new WebSocket(`${usher.publicUrl.replace('http', 'ws')}/pms/:/websockets/notifications`, {
      headers: { cookie: owner.cookie, 'sec-fetch-site': 'same-origin' }
    })
    socket.on('error', () => {})
    const [, refused] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode: number }]
    t.equal(refused.statusCode, 503)
    await simulator.pmsUp()
    t.equal((await owner.get('/pms/library/sections')).status, 200)
  })

  await t.test('hanging: 504 here, while plex.tv and other paths are not held up', async (t) => {
    simulator.faults.set({ kind: 'hang', service: 'pms', path: '/library' })
    const hanging = Array.from({ length: 60 }, () => owner.get('/pms/library/sections'))
    t.equal((await owner.get('/session/account')).status, 200)
    t.equal((await owner.get('/pms/identity')).status, 200)
    for (const { json } of await Promise.all(hanging))
      t.match(json, { status: 504, code: 'USHER_UPSTREAM_TIMEOUT' })
    simulator.faults.clear()
    t.equal((await owner.get('/pms/library/sections')).status, 200)
    await until(() => simulator.activeResponses('pms') === 0, 'nothing is left waiting at the media server')
  })

  await t.test('answering errors, nonsense, redirects: problems, never its page', async (t) => {
    for (const [fault, status, code] of [
      [{ kind: 'status', status: 400 }, 400, 'USHER_UPSTREAM_REFUSED'],
      [{ kind: 'status', status: 409 }, 409, 'USHER_UPSTREAM_REFUSED'],
      [{ kind: 'server-error' }, 503, 'USHER_UPSTREAM_UNREACHABLE'],
      [{ kind: 'unavailable' }, 503, 'USHER_UPSTREAM_UNREACHABLE'],
      [{ kind: 'rate-limited' }, 503, 'USHER_UPSTREAM_UNREACHABLE'],
      [{ kind: 'redirect', location: 'https://evil.example/' }, 502, 'USHER_UPSTREAM_INVALID'],
      [{ kind: 'reset' }, 503, 'USHER_UPSTREAM_UNREACHABLE']
    ] as const) {
      simulator.faults.set({ ...fault, service: 'pms', path: '/library' })
      const answer = await owner.get('/pms/library/sections', JSON_ONLY)
      t.match(answer.json, { status, code }, fault.kind)
      t.match(answer.headers['content-type'], 'application/problem+json')
      t.notMatch(answer.text, /html|evil/)
      simulator.faults.clear()
    }
    simulator.faults.set({ kind: 'redirect', location: '/web/index.html', service: 'pms', path: '/library' })
    t.match(await owner.get('/pms/library/sections'), {
      status: 302,
      headers: { location: '/pms/web/index.html' }
    })
    simulator.faults.clear()
  })
})

t.test('rule 42: no token goes to a server that is not the one configured', async (t) => {
  const usher = await startTestUsher(t)
  const owner = await usher.signedIn()
  const { simulator } = usher
  // The address is taken over by another server once it was proven.
  await owner.get('/pms/library')
  await simulator.pmsDown()
  await owner.get('/pms/library')
  await simulator.pmsUp()
  simulator.faults.set({
    kind: 'status',
    status: 200,
    contentType: 'application/json',
    body: JSON.stringify({
      MediaContainer: { machineIdentifier: OTHER_MACHINE, version: '1', claimed: true }
    }),
    service: 'pms',
    path: '/identity'
  })
  simulator.clearReceived()
  t.match((await owner.get('/pms/library/sections')).json, { status: 502, code: 'USHER_UPSTREAM_INVALID' })
  t.strictSame([...new Set(simulator.received({ service: 'pms' }).map(({ url }) => url))], ['/identity'])
  t.notMatch(JSON.stringify(simulator.received({ service: 'pms' })), /x-plex-token/i)
})

t.test('a session slides while it only uses the media server', async (t) => {
  let now = Date.now()
  const usher = await startTestUsher(t, { now: () => now })
  const owner = await usher.signedIn()
  const first = owner.jar.get('usher')
  t.strictSame((await owner.get('/pms/library/sections')).setCookies, [])
  now += 24 * 3_600_000
  const answer = await owner.get('/pms/library/sections')
  t.match(answer.setCookies, [/^usher=[\w.-]+;.*HttpOnly/i])
  t.equal(answer.headers['cache-control'], 'no-store')
  t.not(owner.jar.get('usher'), first)
  now += 6.5 * 24 * 3_600_000
  t.equal((await owner.get('/pms/library/sections')).status, 200, 'seven and a half days after sign-in')
})
