import t, { type Test } from 'tap'
import { BOX_ID, DEN_ID } from '../simulator/servers.ts'
import { SESSION, startDelegation } from '../support/services.ts'
import { until } from '../support/until.ts'
import { FRIEND, PASSWORD, startTestUsher, type TestUsher } from '../support/usher.ts'
import { openPaused, requestBytes, statusOf } from './bystander.ts'
import { type Machine, startMachine, stopMachine } from './machine.ts'

const WAYS: readonly (readonly [
  name: string,
  ask: (usher: TestUsher, cookie: string, t: Test) => Promise<number>
])[] = [
  ['a report, by undici', (usher, cookie, t) => ask(t, usher, cookie, 'POST /pms/:/timeline')],
  ['events', (usher, cookie, t) => ask(t, usher, cookie, 'GET /pms/:/eventsource/notifications')],
  [
    'a socket',
    (usher, cookie, t) =>
      ask(
        t,
        usher,
        cookie,
        'GET /pms/:/websockets/notifications',
        'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
          'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
      )
  ],
  ['a page, by the lane', (usher, cookie, t) => ask(t, usher, cookie, 'GET /pms/library/sections')]
]

async function ask(t: Test, usher: TestUsher, cookie: string, line: string, extra = ''): Promise<number> {
  const bytes = requestBytes(usher.publicUrl, { cookie }, 'X')
    .replace('GET X', line)
    .replace('\r\n\r\n', `\r\n${extra}\r\n`)
  const { head, socket } = openPaused(t, usher.publicUrl, bytes)
  const status = statusOf(await head)
  socket.destroy()
  return status
}

for (const USHER_MEDIA_LANE of ['true', 'false']) {
  for (const pinned of [true, false]) {
    const setting = `USHER_MEDIA_LANE=${USHER_MEDIA_LANE}, the identifier ${pinned ? 'set' : 'learned'}`
    t.test(`rule 77: another server at the same address gets no token, ${setting}`, async (t) => {
      const right = await startMachine(t, BOX_ID)
      const settings = {
        USHER_PMS_URL: `http://127.0.0.1:${right.port}`,
        USHER_PMS_MACHINE_ID: pinned ? BOX_ID : undefined,
        USHER_MEDIA_LANE
      }
      const usher = await startTestUsher(t, { settings })
      const browser = await usher.signedIn()
      for (const [name, send] of WAYS) {
        await send(usher, browser.cookie, t)
        t.ok(right.tokens.length > 0, `${name}: the right server gets one`)
      }
      await stopMachine(right.server)
      const wrong = await startMachine(t, DEN_ID, right.port)
      for (const [name, send] of [...WAYS, ...WAYS]) {
        const status = await send(usher, browser.cookie, t)
        t.ok(status === 502 || status === 503, `${name}: ${status}`)
      }
      t.strictSame(wrong.tokens, [], 'the other one gets none')
      await stopMachine(wrong.server)
      const again = await startMachine(t, BOX_ID, right.port)
      // What proved to be another server is not asked again at once.
      await until(async () => (await browser.get('/pms/library/sections')).status === 200)
      t.ok(again.tokens.length > 0, 'the right one is back')
    })
  }
}

t.test(
  'rule 77: a request under way when the server is exchanged does not take its token along',
  async (t) => {
    const right = await startMachine(t, BOX_ID, 0, (request, response) => {
      // The last thing that it ever does: every connection breaks in the middle of a request.
      if (request.url?.startsWith('/library/sections/9')) right.server.closeAllConnections()
      else response.end('{}')
    })
    const usher = await startTestUsher(t, { settings: { USHER_PMS_URL: `http://127.0.0.1:${right.port}` } })
    const browser = await usher.signedIn()
    t.equal((await browser.get('/pms/library/sections')).status, 200)
    right.server.close()
    let wrong: Machine | null = null
    right.server.on('close', () => {
      void startMachine(t, DEN_ID, right.port).then((machine) => {
        wrong = machine
      })
    })
    const statuses = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        browser.get(`/pms/library/sections/9${i}`).then(({ status }) => status)
      )
    )
    t.ok(
      statuses.every((status) => status >= 500),
      String(statuses)
    )
    const machine = await until(() => wrong)
    await browser.get('/pms/library/sections')
    t.strictSame((machine as Machine).tokens, [], 'no retry either')
  }
)

t.test('a server that closes every connection is proven before each request, and still serves', async (t) => {
  let identities = 0
  const closing = await startMachine(t, BOX_ID, 0, (_request, response) => {
    response.setHeader('connection', 'close')
    response.end('{}')
  })
  closing.server.prependListener('request', (request, response) => {
    if (request.url === '/identity') identities += 1
    response.shouldKeepAlive = false
  })
  const usher = await startTestUsher(t, { settings: { USHER_PMS_URL: `http://127.0.0.1:${closing.port}` } })
  const browser = await usher.signedIn()
  const before = identities
  for (let i = 0; i < 3; i++) t.equal((await browser.get('/pms/library/sections')).status, 200)
  t.equal((await browser.post('/pms/:/timeline')).status, 200)
  t.ok(identities - before >= 3, `${identities - before} proofs`)
})

t.test('rule 77: nor does a service’s delegation bring another server a token', async (t) => {
  const right = await startMachine(t, BOX_ID, 0, (_request, response) =>
    response.end(
      JSON.stringify({ MediaContainer: { token: 'transient-90904684-f91a-4391-8bf7-e0dfa7240285' } })
    )
  )
  const { usher, exchange } = await startDelegation(t, {
    settings: { USHER_PMS_URL: `http://127.0.0.1:${right.port}` }
  })
  const [browser, other] = [await usher.signedIn(), await usher.signedIn(FRIEND)]
  const members = { subject_token: [...browser.jar.values()][0], subject_token_type: SESSION }
  t.equal((await exchange('transient', members)).status, 200)
  await stopMachine(right.server)
  const wrong = await startMachine(t, DEN_ID, right.port)
  for (const { jar } of [browser, other]) {
    const again = { ...members, subject_token: [...jar.values()][0] }
    t.not((await exchange('full', again)).status, 200)
  }
  // It owns the other machine, which does not make it the owner here.
  const signIn = await usher.browser().post('/session/login', { login: FRIEND, password: PASSWORD })
  t.match([signIn.status, signIn.json.code], [502, 'USHER_UPSTREAM_INVALID'])
  t.strictSame(wrong.tokens, [])
})
