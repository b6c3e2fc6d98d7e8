import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { WebSocket } from 'ws'
import { BOX_ID } from '../simulator/servers.ts'
import { exchange, startFront } from '../src/forward/front.ts'
import type { Browser } from '../support/browser.ts'
import { SESSION, startDelegation } from '../support/services.ts'
import { matchProblem } from '../support/sign-in.ts'
import { until } from '../support/until.ts'
import { startTestUsher, type TestUsher } from '../support/usher.ts'

function copyOf(usher: TestUsher, browser: Browser): Browser {
  const copy = usher.browser()
  for (const [name, value] of browser.jar) copy.jar.set(name, value)
  return copy
}

t.test('rule 85: what plex.tv answers after a logout does not reach the dead cookie', async (t) => {
  const usher = await startTestUsher(t)
  const { simulator } = usher
  for (const [path, slow] of [
    ['/session/account', '/api/v2/user'],
    ['/session/home', '/api/v2/home/users'],
    ['/session/servers', '/api/v2/resources'],
    ['/plex/api/v2/user', '/api/v2/user'],
    ['/plex/api/v2/friends', '/api/v2/friends']
  ] as const) {
    const browser = await usher.signedIn()
    const late = copyOf(usher, browser)
    simulator.clearReceived()
    const fault = simulator.faults.set({ service: 'plex', path: slow, kind: 'hold' })
    const asking = late.get(path)
    await until(() => simulator.received({ service: 'plex', path: slow }).length === 1, `${path} is asked`)
    t.equal((await browser.post('/session/logout')).status, 204)
    simulator.faults.clear(fault)
    const answer = await asking
    matchProblem(t, answer, 401, 'USHER_SESSION_REVOKED', path)
    t.notMatch(answer.text, /sim@example\.com|machineIdentifier|friend/)
  }
})

/** With the lean client and with undici, which wait in different places. */
for (const lane of ['true', 'false']) {
  const settings = { USHER_MEDIA_LANE: lane, USHER_UPSTREAM_TIMEOUT: '20s' }

  t.test(`rule 85: a request that waits for its body, USHER_MEDIA_LANE=${lane}`, async (t) => {
    const usher = await startTestUsher(t, { settings })
    const { simulator } = usher
    const browser = await usher.signedIn()
    t.equal((await browser.get('/pms/library/sections')).status, 200, 'the server has proven itself')
    const { port } = new URL(usher.publicUrl)
    const socket = connect(Number(port), '127.0.0.1')
    let received = ''
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1')
    })
    socket.on('error', () => undefined)
    socket.write(
      `POST /pms/:/timeline?ratingKey=1&key=%2Flibrary%2Fmetadata%2F1&state=playing&time=1 HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nCookie: ${browser.cookie}\r\nSec-Fetch-Site: same-origin\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\nhalf`
    )
    await delay(100)
    t.equal(received, '')
    t.equal((await copyOf(usher, browser).post('/session/logout')).status, 204)
    simulator.clearReceived()
    socket.write('a body')
    await until(() => received.includes('\r\n\r\n'), 'an answer')
    t.match(received, /^HTTP\/1\.1 401 [\s\S]*USHER_SESSION_REVOKED/)
    t.strictSame(simulator.received({ service: 'pms', path: '/:/' }), [], 'nothing was sent')
    socket.destroy()
  })

  t.test(
    `rule 85: requests that wait for the server to prove itself, USHER_MEDIA_LANE=${lane}`,
    async (t) => {
      const usher = await startTestUsher(t, { settings })
      const { simulator } = usher
      const browser = await usher.signedIn()
      usher.core.mediaServer?.forgetIdentity()
      const fault = simulator.faults.set({ service: 'pms', path: '/identity', kind: 'hold' })
      simulator.clearReceived()
      const asking = copyOf(usher, browser).get('/pms/library/sections')
      const source = copyOf(usher, browser).get(`/session/source?source=server://${BOX_ID}`)
      const socket = new WebSocket(
        `${usher.publicUrl.replace('http', 'ws')}/pms/:/websockets/notifications`,
        {
          headers: { cookie: browser.cookie, 'sec-fetch-site': 'same-origin' }
        }
      )
      socket.on('error', () => undefined)
      const refused = once(socket, 'unexpected-response') as Promise<[unknown, IncomingMessage]>
      await until(() => simulator.received({ service: 'pms', path: '/identity' }).length > 0, 'it is asked')
      await delay(100)
      t.equal((await browser.post('/session/logout')).status, 204)
      simulator.faults.clear(fault)
      matchProblem(t, await asking, 401, 'USHER_SESSION_REVOKED')
      matchProblem(t, await source, 401, 'USHER_SESSION_REVOKED')
      const [, response] = await refused
      t.equal(response.statusCode, 401)
      response.resume()
      const sent = simulator.received({ service: 'pms' }).filter(({ url }) => url !== '/identity')
      t.strictSame(
        sent.map(({ url }) => url),
        [],
        'nothing but the question who it is'
      )
      t.equal(simulator.pms.sockets(), 0)
    }
  )

  t.test(`rule 85: requests that wait for a connection, USHER_MEDIA_LANE=${lane}`, async (t) => {
    const usher = await startTestUsher(t, { settings })
    const { simulator } = usher
    const browser = await usher.signedIn()
    t.equal((await browser.get('/pms/library/sections')).status, 200)
    const fault = simulator.faults.set({ service: 'pms', path: '/library', kind: 'hold' })
    simulator.clearReceived()
    const asked = () => simulator.received({ service: 'pms', path: '/library' }).length
    const all = Array.from({ length: 80 }, () => browser.get('/pms/library/sections'))
    await until(() => asked() === 64, 'an account has its share under way, the others wait')
    t.equal((await copyOf(usher, browser).post('/session/logout')).status, 204)
    await until(() => simulator.tokens.living('owner').length === 0, 'the token is dead')
    simulator.faults.clear(fault)
    const answers = await Promise.all(all)
    t.equal(asked(), 64, 'those that waited were not sent')
    t.strictSame([...new Set(answers.map(({ status }) => status))], [401])
  })
}

t.test('rule 85: a retry asks once more', async (t) => {
  for (const lane of [{}, null]) {
    const front = await startFront(t, { lane })
    front.upstream.answer = (request) => {
      front.ended = true
      request.socket.destroy()
    }
    const answer = await exchange(front.port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    t.match(answer, /^HTTP\/1\.1 401 [\s\S]*USHER_SESSION_REVOKED/)
    t.equal(front.upstream.requests.length, 1, 'it was not sent a second time')
  }
})

t.test(
  'rule 85: a token exchange that waits for the server hands nothing over, and sends nothing',
  async (t) => {
    const { usher, simulator, exchange: askFor } = await startDelegation(t)
    const browser = await usher.signedIn()
    usher.core.mediaServer?.forgetIdentity()
    const fault = simulator.faults.set({ service: 'pms', path: '/identity', kind: 'hold' })
    simulator.clearReceived()
    const exchanging = askFor('full', {
      subject_token: browser.jar.get('usher'),
      subject_token_type: SESSION
    })
    await until(() => simulator.received({ service: 'pms', path: '/identity' }).length > 0, 'it is asked')
    t.equal((await browser.post('/session/logout')).status, 204)
    simulator.faults.clear(fault)
    t.match(await exchanging, {
      status: 400,
      json: { error: 'invalid_grant', code: 'USHER_SESSION_REVOKED' }
    })
    t.strictSame(simulator.received({ service: 'pms', path: '/security' }), [])
  }
)
