import t from 'tap'
import type { Browser } from '../support/browser.ts'
import { loginOf, matchProblem } from '../support/sign-in.ts'
import { FRIEND, OWNER, startTestUsher, type TestUsher } from '../support/usher.ts'

const NAVIGATION = {
  'sec-fetch-site': 'cross-site',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document'
}

const newest = ({ simulator }: TestUsher) => simulator.pins.list().at(-1)?.id ?? 0

/** A sign-in cookie as somebody copied it, and what plex.tv is asked from now on. */
async function copiedSignIn(usher: TestUsher): Promise<{ victim: Browser; cookie: string }> {
  const victim = usher.browser()
  await victim.get('/session/login', NAVIGATION)
  usher.simulator.clearReceived()
  return { victim, cookie: `usher-signin=${victim.jar.get('usher-signin')}` }
}

function pinReads({ simulator }: TestUsher): number {
  return simulator.received({ path: '/api/v2/pins/' }).length
}

t.test('rule 82: a hundred replays of a sign-in cookie cost plex.tv one call a second', async (t) => {
  const usher = await startTestUsher(t)
  const { cookie } = await copiedSignIn(usher)
  const startedAt = performance.now()
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, index) => {
      const replay = usher.browser()
      return index % 2 === 0
        ? replay.get('/session/callback', { ...NAVIGATION, cookie })
        : replay.get('/session/pin', { cookie })
    })
  )
  const seconds = (performance.now() - startedAt) / 1000
  for (const { status } of answers) t.ok(status === 302 || status === 200)
  t.ok(pinReads(usher) <= 1 + seconds, `${pinReads(usher)} calls in ${seconds.toFixed(1)} s`)
})

t.test('rule 82: a hundred replays of the way to give up cost no more', async (t) => {
  const usher = await startTestUsher(t)
  const { cookie } = await copiedSignIn(usher)
  const startedAt = performance.now()
  await Promise.all(
    Array.from({ length: 100 }, () =>
      usher.browser().ask('/session/pin', { method: 'DELETE', headers: { cookie } })
    )
  )
  t.ok(pinReads(usher) <= 1 + (performance.now() - startedAt) / 1000)
})

t.test('rule 82: a PIN is claimed once: a copy of its cookie signs nobody in after that', async (t) => {
  const usher = await startTestUsher(t)
  const { victim, cookie } = await copiedSignIn(usher)
  usher.simulator.pins.claim(newest(usher), 'owner')
  t.equal((await victim.get('/session/callback', NAVIGATION)).headers.location, '/signin')
  usher.simulator.clearReceived()
  for (let replay = 0; replay < 5; replay += 1) {
    const thief = usher.browser()
    const back = await thief.get('/session/callback', { ...NAVIGATION, cookie })
    t.equal(back.headers.location, '/signin?error=USHER_PIN_UNKNOWN&returnTo=%2Fsignin')
    matchProblem(t, await thief.get('/session/pin', { cookie }), 404, 'USHER_PIN_UNKNOWN')
    await thief.ask('/session/pin', { method: 'DELETE', headers: { cookie } })
    t.equal(thief.jar.size, 0)
  }
  t.equal(pinReads(usher), 0)
  t.equal((await victim.get('/session/account')).status, 200, 'and the session that was made lives on')
  await victim.post('/session/logout')
  const late = await usher.browser().get('/session/callback', { ...NAVIGATION, cookie })
  t.match(late.headers.location, /USHER_PIN_UNKNOWN/)
})

t.test('rule 82: ten at once with one copied cookie make one session', async (t) => {
  const usher = await startTestUsher(t)
  const { cookie } = await copiedSignIn(usher)
  usher.simulator.pins.claim(newest(usher), 'owner')
  const thieves = Array.from({ length: 10 }, () => usher.browser())
  await Promise.all(thieves.map((thief) => thief.get('/session/callback', { ...NAVIGATION, cookie })))
  t.equal(usher.simulator.tokens.living('owner').length, 1)
  const signedIn = thieves.filter(({ jar }) => jar.has('usher'))
  await signedIn[0]?.post('/session/logout')
  for (const thief of signedIn.slice(1)) {
    matchProblem(
      t,
      await thief.get('/session'),
      401,
      'USHER_SESSION_REVOKED',
      'the one session ended for all'
    )
  }
})

t.test('rule 81: navigations of other sites, refused and not, use up no PINs', async (t) => {
  const usher = await startTestUsher(t)
  const visitor = usher.browser()
  const frame = { ...NAVIGATION, 'sec-fetch-dest': 'iframe' }
  for (let count = 0; count < 20; count += 1)
    matchProblem(t, await visitor.get('/session/login', frame), 403, 'USHER_CROSS_SITE')
  for (let count = 0; count < 20; count += 1) {
    const answer = await visitor.get('/session/login', NAVIGATION)
    t.match(answer.headers.location, /\/auth#\?/, 'the PIN of before')
  }
  t.equal(usher.simulator.pins.list().length, 1)
  t.equal(
    (await visitor.post('/session/pin', { kind: 'link' })).status,
    201,
    'a code is to be had all the same'
  )
})

t.test('rule 25: whichever cookies of three people are mixed, nobody becomes another', async (t) => {
  const usher = await startTestUsher(t)
  const { simulator } = usher
  const people = [
    [await usher.signedIn(), OWNER],
    [await usher.signedIn(FRIEND), FRIEND],
    [await usher.signedIn(loginOf(simulator, 'member')), 'robin@example.com']
  ] as const
  for (const [person] of people) await person.post('/session/pin', { kind: 'link' })
  for (const [session, email] of people) {
    for (const [signin] of people) {
      for (const [device] of people) {
        const mixed = usher.browser()
        mixed.jar.set('usher', session.jar.get('usher') ?? '')
        mixed.jar.set('usher-signin', signin.jar.get('usher-signin') ?? '')
        mixed.jar.set('usher-device', device.jar.get('usher-device') ?? '')
        t.match((await mixed.get('/session?slide=false')).json, { account: { email } })
        t.match((await mixed.get('/session/account')).json, { email })
      }
    }
  }
  // The code of one, claimed by its owner, polled with the session of another.
  const [[one], [two]] = people
  const mixed = usher.browser()
  mixed.jar.set('usher', two.jar.get('usher') ?? '')
  mixed.jar.set('usher-signin', one.jar.get('usher-signin') ?? '')
  simulator.pins.claim(simulator.pins.list()[0]?.id ?? 0, 'owner')
  t.match((await mixed.get('/session/pin')).json, {
    status: 'signed-in',
    session: { account: { email: OWNER } }
  })
  matchProblem(
    t,
    await two.get('/session'),
    401,
    'USHER_SESSION_REVOKED',
    'a sign-in replaces, it never merges'
  )
  t.equal((await one.get('/session/account')).status, 200)
})
