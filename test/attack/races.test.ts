import t from 'tap'
import { BOX_ID } from '../simulator/servers.ts'
import type { Answer, Browser } from '../support/browser.ts'
import { ACCESS, SESSION, startDelegation } from '../support/services.ts'
import { createOffsetClock, matchProblem } from '../support/sign-in.ts'
import { until } from '../support/until.ts'
import { FRIEND, OWNER, PASSWORD, startTestUsher, type TestUsher } from '../support/usher.ts'

const MINUTE = 60_000
const KID_PIN = '1234'

function copyOf(usher: TestUsher, browser: Browser): Browser {
  const copy = usher.browser()
  for (const [name, value] of browser.jar) copy.jar.set(name, value)
  return copy
}

function uuidOf(usher: TestUsher, key: string): string {
  const found = usher.simulator.accounts.list().find((account) => account.key === key)
  if (found === undefined) throw new RangeError(key)
  return found.uuid
}

t.test('rule 20: a logout beside a switch or a choice under way leaves no session behind', async (t) => {
  const usher = await startTestUsher(t)
  const { simulator } = usher
  for (const [method, path, body, slow, call] of [
    ['POST', '/session/home/switch', { uuid: uuidOf(usher, 'kid'), pin: KID_PIN }, '/api/v2/home/users', 1],
    ['POST', '/session/home/switch', { uuid: uuidOf(usher, 'guest') }, '/api/v2/resources', 1],
    ['POST', '/session/home/switch', { uuid: uuidOf(usher, 'guest') }, '/api/v2/resources', 2],
    ['PUT', '/session/server', { machineIdentifier: BOX_ID }, '/api/v2/resources', 1]
  ] as const) {
    const browser = await usher.signedIn()
    simulator.clearReceived()
    const hold = () => simulator.faults.set({ service: 'plex', path: slow, kind: 'hold' })
    const asked = (times: number) =>
      until(() => simulator.received({ service: 'plex', path: slow }).length === times, `${slow} is asked`)
    let fault = hold()
    const late = copyOf(usher, browser)
    const switching = late.ask(path, { method, body: JSON.stringify(body) })
    for (let before = 1; before < call; before += 1) {
      await asked(before)
      const next = hold()
      simulator.faults.clear(fault)
      fault = next
    }
    await asked(call)
    t.equal((await browser.post('/session/logout')).status, 204)
    simulator.faults.clear(fault)
    matchProblem(t, await switching, 401, 'USHER_SESSION_REVOKED', path)
    matchProblem(t, await late.get('/session'), 401, 'USHER_SESSION_REVOKED', `${path}: nothing came of it`)
    t.equal(late.jar.has('usher'), false)
    await until(() => simulator.tokens.living().length === 0)
  }
})

t.test(
  'of two switches at once one succeeds, of two choices both, and what the browser keeps works',
  async (t) => {
    const usher = await startTestUsher(t)
    const { simulator } = usher
    const resources = '/api/v2/resources'
    const hold = () => simulator.faults.set({ service: 'plex', path: resources, kind: 'hold' })
    // plex.tv keeps one token for a profile and a browser: the second switch kills the first one's before it is used.
    for (const [method, path, body, rounds, statuses] of [
      ['POST', '/session/home/switch', { uuid: uuidOf(usher, 'kid'), pin: KID_PIN }, 2, [201, 502]],
      ['POST', '/session/home/switch', { uuid: uuidOf(usher, 'guest') }, 2, [201, 502]],
      ['PUT', '/session/server', { machineIdentifier: BOX_ID }, 1, [200, 200]]
    ] as const) {
      const browser = await usher.signedIn()
      const ask = () => browser.ask(path, { method, body: JSON.stringify(body) })
      simulator.clearReceived()
      let fault = hold()
      const asking = Promise.all([ask(), ask()])
      for (let round = 1; round <= rounds; round += 1) {
        // Side by side: neither goes on before the other has come as far.
        await until(() => simulator.received({ path: resources }).length === 2 * round, `round ${round}`)
        const next = round < rounds ? hold() : 0
        simulator.faults.clear(fault)
        fault = next
      }
      const answers = await asking
      t.strictSame(answers.map(({ status }) => status).sort(), statuses, path)
      t.equal((await browser.get('/session')).status, 200, path)
      t.equal((await browser.get('/pms/library/sections')).status, 200, path)
    }
  }
)

t.test('rule 22: everywhere also ends the profiles that the account switched to', async (t) => {
  const usher = await startTestUsher(t)
  const [kid, guest, other] = [await usher.signedIn(), await usher.signedIn(), await usher.signedIn(FRIEND)]
  const asKid = { uuid: uuidOf(usher, 'kid'), pin: KID_PIN }
  t.equal((await kid.post('/session/home/switch', asKid)).status, 201)
  t.equal((await guest.post('/session/home/switch', { uuid: uuidOf(usher, 'guest') })).status, 201)
  const owner = await usher.signedIn()
  t.equal((await owner.post('/session/logout', { everywhere: true })).status, 204)
  matchProblem(t, await kid.get('/session'), 401, 'USHER_SESSION_REVOKED', 'it could have switched back')
  matchProblem(t, await guest.get('/session'), 401, 'USHER_SESSION_REVOKED')
  t.equal((await other.get('/session')).status, 200)
  const ofHome = () => usher.simulator.tokens.living().filter(({ account }) => account !== 'friend').length
  await until(() => ofHome() === 0)
  t.pass('all of their tokens are signed out: a restart brings no session back')
})

t.test('rule 22: nor do the scoped tokens of such a profile live on', async (t) => {
  const { usher, exchange } = await startDelegation(t)
  const kid = await usher.signedIn()
  await kid.post('/session/home/switch', { uuid: uuidOf(usher, 'kid'), pin: KID_PIN })
  const answer = await exchange('scoped', {
    subject_token: kid.jar.get('usher'),
    subject_token_type: SESSION,
    requested_token_type: ACCESS
  })
  const authorization = `Bearer ${answer.json.access_token}`
  const library = () => usher.browser().get('/pms/library/sections', { authorization })
  t.equal((await library()).status, 200)
  await (await usher.signedIn()).post('/session/logout', { everywhere: true })
  matchProblem(t, await library(), 401, 'USHER_SESSION_REVOKED')
})

t.test('rule 24: an answer that is late does not set the cookie of a session that has ended', async (t) => {
  const clock = createOffsetClock()
  const usher = await startTestUsher(t, { now: clock.now, settings: { USHER_RECHECK: '24h' } })
  const { simulator } = usher
  for (const [path, service, slow] of [
    ['/plex/api/v2/friends', 'plex', '/api/v2/friends'],
    ['/pms/library/sections', 'pms', '/library/sections']
  ] as const) {
    const browser = await usher.signedIn()
    clock.advance(10 * 60 * MINUTE)
    simulator.clearReceived()
    const fault = simulator.faults.set({ service, path: slow, kind: 'hold' })
    const late = browser.get(path)
    await until(() => simulator.received({ service, path: slow }).length > 0)
    const answer = await browser.post('/session/home/switch', { uuid: uuidOf(usher, 'guest') })
    t.equal(answer.status, 201)
    const fresh = browser.jar.get('usher')
    simulator.faults.clear(fault)
    t.strictSame((await late).setCookies, [], `${path}: the late answer is silent`)
    t.equal(browser.jar.get('usher'), fresh)
    t.equal((await browser.get('/session')).status, 200, 'still signed in')
  }
})

t.test('rule 23: what the media server is asked for a session waits for the grace as well', async (t) => {
  const clock = createOffsetClock()
  const usher = await startTestUsher(t, {
    now: clock.now,
    settings: { USHER_RECHECK: '1m', USHER_OUTAGE_GRACE: '5m' }
  })
  const browser = await usher.signedIn()
  await usher.simulator.plexDown()
  clock.advance(10 * MINUTE)
  const answer = await browser.get(`/session/source?source=server://${BOX_ID}`)
  matchProblem(t, answer, 503, 'USHER_UPSTREAM_UNREACHABLE')
  t.equal((await browser.get('/session')).status, 200, 'and the session is kept')
})

t.test('rule 59: a picture that renews the session is stored by nobody', async (t) => {
  const clock = createOffsetClock()
  const usher = await startTestUsher(t, { now: clock.now })
  const browser = await usher.signedIn()
  const { thumb } = (await browser.get('/session')).json.account
  t.match((await browser.get(thumb)).headers['cache-control'], /^private/)
  clock.advance(10 * 60 * MINUTE)
  const renewing = await browser.get(thumb)
  t.equal(renewing.status, 200)
  t.match(renewing.setCookies, [/^usher=/])
  t.equal(renewing.headers['cache-control'], 'no-store')
})

t.test('rule 66: what strangers have under way takes nothing of a known browser’s ration', async (t) => {
  const usher = await startTestUsher(t)
  const { simulator } = usher
  const known = await usher.signedIn()
  await known.post('/session/logout')
  simulator.clearReceived()
  const signin = '/api/v2/users/signin'
  const fault = simulator.faults.set({ service: 'plex', path: signin, kind: 'hold', count: 6 })
  const guesses = Array.from({ length: 6 }, (_, index) =>
    usher.browser().post('/session/login', { login: `nobody${index}`, password: 'wrong' })
  )
  await until(() => simulator.received({ service: 'plex', path: signin }).length === 6)
  t.equal((await known.post('/session/login', { login: OWNER, password: PASSWORD })).status, 201)
  simulator.faults.clear(fault)
  for (const guess of await Promise.all(guesses)) t.equal(guess.status, 401)
})

t.test('rule 66: guesses that arrive in one moment are rationed like others', async (t) => {
  const usher = await startTestUsher(t)
  const { simulator } = usher
  const signin = '/api/v2/users/signin'
  simulator.clearReceived()
  const fault = simulator.faults.set({ service: 'plex', path: signin, kind: 'hold' })
  const asked = () => simulator.received({ service: 'plex', path: signin }).length
  const answers: Answer[] = []
  const guesses = Array.from({ length: 40 }, async (_, index) => {
    answers.push(await usher.browser().post('/session/login', { login: `nobody${index}`, password: 'wrong' }))
  })
  await until(() => answers.length + asked() === 40, 'each is refused or under way')
  t.ok(asked() <= 12, `${asked()} reached plex.tv`)
  const refused = answers.filter(({ status }) => status === 429)
  t.equal(refused.length, 40 - asked())
  simulator.faults.clear(fault)
  await Promise.all(guesses)
  const waits = refused.map(({ headers }) => Number(headers['retry-after']))
  t.ok(
    waits.every((seconds) => seconds >= 1 && seconds <= 10),
    'soon again: none of those under way has failed yet'
  )
})

t.test(
  'rule 23: a second sign-in that an outage breaks off leaves the first one’s session alive',
  async (t) => {
    const usher = await startTestUsher(t)
    const { simulator } = usher
    const browser = await usher.signedIn()
    const fault = simulator.faults.set({ service: 'plex', path: '/api/v2/resources', kind: 'unavailable' })
    const again = await browser.post('/session/login', { login: OWNER, password: PASSWORD })
    matchProblem(t, again, 503, 'USHER_UPSTREAM_UNREACHABLE')
    simulator.faults.clear(fault)
    t.equal((await browser.get('/session/account')).status, 200, 'its token was not replaced')
    await until(() => simulator.tokens.living('owner').length === 1)
  }
)

t.test('rule 23: a way back from a profile that an outage breaks off is open again after it', async (t) => {
  const usher = await startTestUsher(t)
  const { simulator } = usher
  const browser = await usher.signedIn()
  const back = { uuid: uuidOf(usher, 'owner') }
  const asKid = { uuid: uuidOf(usher, 'kid'), pin: KID_PIN }
  t.equal((await browser.post('/session/home/switch', asKid)).status, 201)
  await simulator.pmsDown()
  t.equal((await browser.get('/pms/library/sections')).status, 503, 'and now nobody knows who answers there')
  const broken = await browser.post('/session/home/switch', back)
  matchProblem(t, broken, 503, 'USHER_UPSTREAM_UNREACHABLE')
  await simulator.pmsUp()
  const fault = simulator.faults.set({ service: 'plex', path: '/api/v2/resources', kind: 'unavailable' })
  matchProblem(t, await browser.post('/session/home/switch', back), 503, 'USHER_UPSTREAM_UNREACHABLE')
  simulator.faults.clear(fault)
  t.equal((await browser.post('/session/home/switch', back)).status, 201)
})

t.test('two sign-ins of one browser at once, and what it keeps works', async (t) => {
  const usher = await startTestUsher(t)
  const browser = await usher.signedIn()
  await browser.post('/session/logout')
  const signIn = () => browser.post('/session/login', { login: OWNER, password: PASSWORD })
  const answers = await Promise.all([signIn(), signIn(), signIn()])
  t.strictSame(
    answers.map(({ status }) => status),
    [201, 201, 201]
  )
  t.equal((await browser.get('/session/account')).status, 200)
})

t.test('a password beside a PIN that is claimed and abandoned makes a session of its own', async (t) => {
  const usher = await startTestUsher(t)
  const { simulator } = usher
  const browser = await usher.signedIn()
  await browser.post('/session/logout')
  const pin = await browser.post('/session/pin', {})
  t.equal(pin.status, 201)
  t.equal((await browser.post('/session/login', { login: OWNER, password: PASSWORD })).status, 201)
  simulator.pins.claim(pin.json.code, 'owner')
  t.equal((await browser.get('/session/account')).status, 200)
})
