import t from 'tap'
import type { Browser } from '../support/browser.ts'
import { matchProblem } from '../support/sign-in.ts'
import { FRIEND, OWNER, PASSWORD, startTestUsher, type TestUsher } from '../support/usher.ts'

const NAVIGATION = {
  'sec-fetch-site': 'cross-site',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document'
}
const KID = '88fad7ef5d91c202'

const newest = ({ simulator }: TestUsher) => simulator.pins.list().at(-1)?.id ?? 0

async function byPage(usher: TestUsher, browser: Browser): Promise<void> {
  await browser.get('/session/login', NAVIGATION)
  usher.simulator.pins.claim(newest(usher), 'owner')
  await browser.get('/session/callback', NAVIGATION)
}

async function byCode(usher: TestUsher, browser: Browser): Promise<void> {
  await browser.post('/session/pin', { kind: 'link' })
  usher.simulator.pins.claim(newest(usher), 'owner')
  await browser.get('/session/pin')
}

async function byPassword(_usher: TestUsher, browser: Browser): Promise<void> {
  await browser.post('/session/login', { login: OWNER, password: PASSWORD })
}

t.test('rule 17: a session that was planted before a sign-in never becomes the one after it', async (t) => {
  const usher = await startTestUsher(t)
  for (const signIn of [byPage, byCode, byPassword]) {
    const attacker = await usher.signedIn(FRIEND)
    const planted = attacker.jar.get('usher') ?? ''
    const victim = usher.browser()
    victim.jar.set('usher', planted)
    await signIn(usher, victim)
    t.match((await victim.get('/session')).json, { account: { email: OWNER } }, signIn.name)
    t.not(victim.jar.get('usher'), planted)
    matchProblem(t, await attacker.get('/session'), 401, 'USHER_SESSION_REVOKED', 'the planted one is dead')
  }
  const victim = await usher.signedIn()
  const before = victim.jar.get('usher') ?? ''
  t.equal((await victim.post('/session/home/switch', { uuid: KID, pin: '1234' })).status, 201)
  const copy = await usher.browser().get('/session', { cookie: `usher=${before}` })
  matchProblem(t, copy, 401, 'USHER_SESSION_REVOKED', 'nor does the one before a switch go on beside it')
})

t.test('rule 16: a tossed sign-in signs nobody in as somebody else', async (t) => {
  const usher = await startTestUsher(t)
  const attacker = usher.browser()
  await attacker.post('/session/pin', { kind: 'link' })
  usher.simulator.pins.claim(newest(usher), 'friend')
  const tossed = attacker.jar.get('usher-signin') ?? ''
  const victim = usher.browser()
  await victim.post('/session/pin', { kind: 'link' })
  const own = victim.jar.get('usher-signin') ?? ''
  for (const [first, second] of [
    [tossed, own],
    [own, tossed]
  ]) {
    const headers = { cookie: `usher-signin=${first}; usher-signin=${second}` }
    const poll = await victim.get('/session/pin', headers)
    matchProblem(t, poll, 404, 'USHER_PIN_UNKNOWN', 'two that differ are none')
    const back = await victim.get('/session/callback', { ...NAVIGATION, ...headers })
    t.equal(back.headers.location, '/signin?error=USHER_PIN_UNKNOWN')
    t.notOk(back.setCookies.some((line) => line.startsWith('usher=')))
  }
  const twice = await victim.get('/session/pin', { cookie: `usher-signin=${own}; usher-signin=${own}` })
  t.match(twice.json, { status: 'pending' }, 'twice the same is one')
})

t.test('rule 5: what is sealed for one cookie is nothing in another', async (t) => {
  const usher = await startTestUsher(t)
  const browser = await usher.signedIn()
  await browser.get('/session/login', NAVIGATION)
  const names = ['usher', 'usher-signin', 'usher-device']
  for (const from of names) {
    for (const to of names.filter((name) => name !== from)) {
      const cookie = `${to}=${browser.jar.get(from)}`
      const name = `${from} as ${to}`
      t.equal((await usher.browser().get('/session', { cookie })).status, 401, name)
      matchProblem(t, await usher.browser().get('/session/pin', { cookie }), 404, 'USHER_PIN_UNKNOWN', name)
    }
  }
})

t.test('sign-ins of one account that race, each in its own browser, all live on', async (t) => {
  const usher = await startTestUsher(t)
  const browsers = Array.from({ length: 6 }, () => usher.browser())
  const ways = [byCode, byPassword]
  // One PIN after another is made and claimed; what races is what Usher does with them.
  for (const [index, browser] of browsers.entries()) {
    if (ways[index % 2] === byPassword) continue
    await browser.post('/session/pin', { kind: 'link' })
    usher.simulator.pins.claim(newest(usher), 'owner')
  }
  await Promise.all(
    browsers.map((browser, index) =>
      index % 2 === 0 ? browser.get('/session/pin') : byPassword(usher, browser)
    )
  )
  for (const browser of browsers) t.equal((await browser.get('/session/account')).status, 200)
  t.equal(usher.simulator.tokens.living('owner').length, browsers.length, 'each with a token of its own')
})

t.test('no PIN can be named from outside: not by id, code, header or body', async (t) => {
  const usher = await startTestUsher(t)
  const owner = usher.browser()
  const made = await owner.post('/session/pin', { kind: 'link' })
  const id = newest(usher)
  usher.simulator.pins.claim(id, 'owner')
  const { code } = made.json
  usher.simulator.clearReceived()
  for (const guess of [id - 1, id, id + 1]) {
    const thief = usher.browser()
    for (const query of [`id=${guess}`, `pin_id=${guess}`, `pinId=${guess}&code=${code}`, `code=${code}`]) {
      matchProblem(t, await thief.get(`/session/pin?${query}`), 404, 'USHER_PIN_UNKNOWN', query)
      const back = await thief.get(`/session/callback?${query}`, NAVIGATION)
      t.equal(back.headers.location, '/signin?error=USHER_PIN_UNKNOWN', query)
    }
    matchProblem(t, await thief.get(`/session/pin/${guess}`), 404, 'USHER_NOT_FOUND')
    matchProblem(t, await thief.post('/session/pin', { id: guess }), 400, 'USHER_INVALID_REQUEST')
    const cookie = `usher-signin=${Buffer.from(JSON.stringify([1, guess, code])).toString('base64url')}`
    matchProblem(t, await thief.get('/session/pin', { cookie }), 404, 'USHER_PIN_UNKNOWN')
    t.equal(thief.jar.size, 0)
  }
  t.equal(usher.simulator.received({ path: '/api/v2/pins' }).length, 0, 'plex.tv was asked for none')
  t.match((await owner.get('/session/pin')).json, { status: 'signed-in' }, 'whose it is still has it')
})
