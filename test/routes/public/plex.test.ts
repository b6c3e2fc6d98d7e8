import t from 'tap'
import { sendRaw } from '../../support/raw.ts'
import { FRIEND, startTestUsher } from '../../support/usher.ts'

t.test('documents of plex.tv, read-only and without secrets', async (t) => {
  const usher = await startTestUsher(t)
  const { simulator } = usher
  const owner = await usher.signedIn()
  const friend = await usher.signedIn(FRIEND)

  await t.test('rule 56: the account comes without token, PIN hash and linked services', async (t) => {
    const answer = await owner.get('/plex/api/v2/user')
    t.equal(answer.status, 200)
    t.match(answer.headers, { 'content-type': /^application\/json/, 'cache-control': 'no-store' })
    t.match(answer.json, { id: 13692262, subscription: {}, profile: {} })
    for (const name of ['authToken', 'pin', 'services']) t.notOk(name in answer.json, name)
    t.notOk(
      answer.setCookies.some((line) => line.includes('plex_session')),
      "plex.tv's own cookie stays behind"
    )
  })

  await t.test('resources come per caller, with their connections and without their tokens', async (t) => {
    const all = (
      await owner.get(
        '/plex/api/v2/resources?includeHttps=1&includeRelay=1&includeIPv6=1&evil=1&X-Plex-Token=foreign'
      )
    ).json
    t.ok(all.length > 0)
    for (const resource of all) t.notOk('accessToken' in resource, resource.name)
    const [seen] = simulator
      .received({ service: 'plex', path: '/api/v2/resources?includeHttps=1&includeRelay=1' })
      .slice(-1)
    t.equal(seen?.url, '/api/v2/resources?includeHttps=1&includeRelay=1&includeIPv6=1')
    const shared = (await friend.get('/plex/api/v2/resources')).json
    t.not(JSON.stringify(shared), JSON.stringify(all))
  })

  await t.test('the other documents of the list', async (t) => {
    for (const path of ['/api/v2/home/users', '/api/v2/friends', '/api/v2/ping']) {
      const answer = await owner.get(`/plex${path}`)
      t.equal(answer.status, 200, path)
      t.notMatch(Object.keys(answer.json).join(), /token/i)
    }
  })

  await t.test("a person's picture, which is asked for without a token", async (t) => {
    const { thumb } = (await owner.get('/session')).json.account
    simulator.clearReceived()
    const answer = await owner.get(`${thumb}?c=1`)
    t.equal(answer.status, 200)
    t.match(answer.headers, {
      'content-type': /^image\//,
      'cache-control': /^private/,
      'x-content-type-options': 'nosniff'
    })
    const [seen] = simulator.received({ service: 'plex' })
    t.match(seen?.url, /^\/users\/\w+\/avatar$/)
    t.notMatch(JSON.stringify(seen?.headers), /x-plex-token/i)
    simulator.faults.set({ kind: 'content-type', value: 'text/html', service: 'plex', path: '/users/' })
    t.match((await owner.get(thumb)).json, { status: 502, code: 'USHER_UPSTREAM_INVALID' })
    simulator.faults.clear()
    simulator.faults.set({
      kind: 'redirect',
      location: 'https://evil.example/',
      service: 'plex',
      path: '/users/'
    })
    t.match((await owner.get(thumb)).json, { status: 502 })
    simulator.faults.clear()
    simulator.faults.set({ kind: 'status', status: 404, service: 'plex', path: '/users/' })
    t.match((await owner.get(thumb)).json, { status: 404, code: 'USHER_NOT_FOUND' })
    simulator.faults.clear()
  })

  await t.test('HEAD tells what GET would, without a body', async (t) => {
    const head = await owner.ask('/plex/api/v2/user', { method: 'HEAD' })
    t.strictSame([head.status, head.text], [200, ''])
    t.match(head.headers['content-type'], /^application\/json/)
  })

  await t.test('whatever else there is at plex.tv is refused, and nothing is asked', async (t) => {
    simulator.clearReceived()
    for (const path of [
      '/api/v2/users/signin',
      '/api/v2/pins',
      '/devices.xml',
      '/api/v2/server',
      '/api/v2/home/users/1/switch',
      '/api/v2/user/',
      '/users/account',
      '/users/x/y/avatar',
      '/'
    ]) {
      t.match((await owner.get(`/plex${path}`)).json, { status: 403, code: 'USHER_PATH_DENIED' }, path)
    }
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      const answer = await owner.ask('/plex/api/v2/user', { method, body: '{}' })
      t.equal(answer.status, 405, method)
      t.equal(answer.headers.allow, 'GET, HEAD', method)
    }
    t.match((await owner.get('/plex/api/v2/user', { 'sec-fetch-site': 'cross-site' })).json, {
      code: 'USHER_CROSS_SITE'
    })
    t.match((await usher.browser().get('/plex/api/v2/user')).json, { code: 'USHER_SESSION_REQUIRED' })
    const { host } = new URL(usher.publicUrl)
    for (const target of [
      '/plex/api/v2/../../devices.xml',
      '/plex/%2e%2e/x',
      '/plex//api/v2/user',
      '/plex/api/v2/user%2f',
      '/plex/api\\v2',
      'http://evil.test/plex/api/v2/user'
    ]) {
      const { status } = await sendRaw(
        usher.publicUrl,
        `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\nSec-Fetch-Site: same-origin\r\nCookie: ${owner.cookie}\r\n\r\n`
      )
      t.equal(status, 400, `rule 38: ${target}`)
    }
    t.equal(simulator.received({ service: 'plex' }).length, 0)
  })

  await t.test('rule 57: what is not understood does not pass', async (t) => {
    for (const fault of [
      { kind: 'garbage' },
      { kind: 'truncate' },
      { kind: 'status', status: 200, contentType: 'text/html', body: '<html>canary</html>' }
    ] as const) {
      simulator.faults.set({ ...fault, service: 'plex', path: '/api/v2/user' })
      const answer = await owner.get('/plex/api/v2/user')
      t.match(answer.json, { status: 502, code: 'USHER_UPSTREAM_INVALID' }, fault.kind)
      t.notMatch(answer.text, 'canary')
      simulator.faults.clear()
    }
  })

  await t.test(
    'rule 23: an outage is told, and signs nobody out; a dead token ends the session',
    async (t) => {
      for (const [fault, status, code] of [
        [{ kind: 'unavailable' }, 503, 'USHER_UPSTREAM_UNREACHABLE'],
        [{ kind: 'rate-limited', format: 'xml' }, 503, 'USHER_PLEX_LIMITED'],
        [{ kind: 'reset' }, 503, 'USHER_UPSTREAM_UNREACHABLE']
      ] as const) {
        simulator.faults.set({ ...fault, service: 'plex', path: '/api/v2/friends' })
        t.match((await friend.get('/plex/api/v2/friends')).json, { status, code }, fault.kind)
        const isOutage = usher.core.plexStatus.outageSince !== null
        t.equal(
          isOutage,
          code === 'USHER_UPSTREAM_UNREACHABLE',
          `${fault.kind}: the status of plex.tv says so`
        )
        simulator.faults.clear()
        t.equal((await friend.get('/plex/api/v2/friends')).status, 200)
        t.equal(usher.core.plexStatus.outageSince, null)
      }
      t.equal((await friend.get('/plex/api/v2/friends')).status, 200)
      simulator.tokens.revokeAccount('friend')
      const dead = await friend.get('/plex/api/v2/friends')
      t.match(dead.json, { status: 401, code: 'USHER_SESSION_REVOKED' })
      t.match(dead.setCookies, [/^usher=;.*max-age=0/i])
      t.match((await friend.get('/session')).json, { status: 401 })
    }
  )
})
