import t from 'tap'
import type { Browser } from '../../../support/browser.ts'
import { matchProblem } from '../../../support/sign-in.ts'
import { until } from '../../../support/until.ts'
import { FRIEND, OWNER, PASSWORD, startTestUsher, type TestUsher } from '../../../support/usher.ts'

const NAVIGATION = {
  'sec-fetch-site': 'cross-site',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document'
}

const newest = ({ simulator }: TestUsher) => simulator.pins.list().at(-1)?.id ?? 0

/** One tab on its way to Plex's page: gives the address that Plex sends it back to. */
async function leave(browser: Browser, returnTo: string): Promise<string> {
  const answer = await browser.get(`/session/login?returnTo=${encodeURIComponent(returnTo)}`, NAVIGATION)
  const { hash } = new URL(answer.headers.location ?? '')
  const { pathname, search } = new URL(new URLSearchParams(hash.slice(2)).get('forwardUrl') ?? '')
  return pathname + search
}

async function comeBack(browser: Browser, address: string): Promise<string> {
  return (await browser.get(address, NAVIGATION)).headers.location ?? ''
}

t.test('three tabs that begin a sign-in each end where they wanted to, in whatever order', async (t) => {
  const usher = await startTestUsher(t)
  const wanted = ['/films?genre=1#top', '/shows', '/music']
  for (const order of [
    [0, 1, 2],
    [2, 0, 1]
  ]) {
    const browser = usher.browser()
    const tabs: string[] = []
    for (const returnTo of wanted) tabs.push(await leave(browser, returnTo))
    t.equal(new Set(tabs).size, 3)
    usher.simulator.pins.claim(newest(usher), 'owner')
    for (const tab of order) t.equal(await comeBack(browser, tabs[tab] ?? ''), wanted[tab])
    t.equal((await browser.get('/session/account')).status, 200)
    t.equal(browser.jar.has('usher-signin'), false)
    for (const tab of order) t.equal(await comeBack(browser, tabs[tab] ?? ''), wanted[tab], 'loaded anew')
    t.match((await browser.get('/session')).json, { account: { email: OWNER } })
    await browser.post('/session/logout')
    t.equal(
      await comeBack(browser, tabs[0] ?? ''),
      '/signin?error=USHER_PIN_UNKNOWN&returnTo=%2Ffilms%3Fgenre%3D1%23top'
    )
  }
  t.equal(usher.simulator.pins.list().length, 2, 'one PIN for all tabs of a browser')
})

t.test('tabs that a browser restores in the same moment each end where they wanted to', async (t) => {
  const usher = await startTestUsher(t)
  const { simulator } = usher
  const browser = await usher.signedIn(FRIEND)
  await browser.post('/session/logout')
  await until(() => simulator.tokens.living('friend').length === 0)
  const wanted = ['/one', '/two', '/three']
  // Each answer overwrites the cookie of the one before it.
  const tabs = await Promise.all(wanted.map((returnTo) => leave(browser, returnTo)))
  for (const { id } of simulator.pins.list()) simulator.pins.claim(id, 'friend')
  simulator.clearReceived()
  const thief = usher.browser()
  for (const tab of tabs) t.match(await comeBack(thief, tab), /^\/signin\?error=USHER_PIN_UNKNOWN/)
  t.equal(thief.jar.size, 0)
  // Until then a PIN is not over, and the browser goes on with the one that its cookie names.
  await until(
    () => simulator.received({ path: '/api/v2/users/signout' }).length === tabs.length,
    'each of them is given up'
  )
  const again = await Promise.all(wanted.map((returnTo) => leave(browser, returnTo)))
  for (const { id } of simulator.pins.list()) simulator.pins.claim(id, 'friend')
  for (const [index, tab] of again.entries()) t.equal(await comeBack(browser, tab), wanted[index])
  t.match((await browser.get('/session/account')).json, { username: 'friend' })
  await until(() => simulator.tokens.living('friend').length === 1, 'the sessions in between are signed out')
})

t.test('a tab that comes back unclaimed ends nothing for the others', async (t) => {
  const usher = await startTestUsher(t)
  const browser = usher.browser()
  const [first, second] = [await leave(browser, '/first'), await leave(browser, '/second')]
  t.equal(await comeBack(browser, first), '/signin?error=USHER_SIGNIN_CANCELLED&returnTo=%2Ffirst')
  matchProblem(
    t,
    await browser.get('/session/pin'),
    404,
    'USHER_PIN_UNKNOWN',
    'a page that waits is told the end'
  )
  const third = await leave(browser, '/third')
  t.equal(usher.simulator.pins.list().length, 2, 'a new attempt is a new PIN')
  usher.simulator.pins.claim(usher.simulator.pins.list()[0]?.id ?? 0, 'owner')
  t.equal(await comeBack(browser, second), '/second')
  t.equal(await comeBack(browser, first), '/first', 'it is signed in now')
  t.equal(await comeBack(browser, third), '/signin?error=USHER_SIGNIN_CANCELLED&returnTo=%2Fthird')
  t.equal(browser.jar.has('usher-signin'), false)
})

t.test('a code and Plex’s page side by side each tell the truth', async (t) => {
  const usher = await startTestUsher(t)
  const { simulator } = usher
  const browser = usher.browser()
  const code = (await browser.post('/session/pin', { kind: 'link' })).json.code
  const tab = await leave(browser, '/films')
  const poll = async (kind: string) => (await browser.get(`/session/pin${kind}`)).json
  t.match(await poll('?kind=link'), { status: 'pending' })
  t.match(await poll('?kind=redirect'), { status: 'pending' })
  t.match(await poll(''), { status: 'pending' })
  simulator.pins.claim(newest(usher), 'owner')
  t.equal(await comeBack(browser, tab), '/films')
  t.match(await poll('?kind=link'), { status: 'pending' }, 'nobody has entered the code yet')
  matchProblem(t, await browser.get('/session/pin?kind=redirect'), 404, 'USHER_PIN_UNKNOWN')

  simulator.pins.claim(code, 'friend')
  await until(async () => (await poll('?kind=link')).status === 'signed-in')
  t.match((await browser.get('/session')).json, { account: { username: 'friend' } })
  await until(
    () => simulator.tokens.living('owner').length === 0,
    'the session that was replaced is signed out'
  )
  t.equal(simulator.tokens.living('friend').length, 1)
  matchProblem(t, await browser.get('/session/pin'), 404, 'USHER_PIN_UNKNOWN')
  matchProblem(t, await browser.get('/session/pin?kind=both'), 400, 'USHER_INVALID_REQUEST')
})

t.test('giving a code up leaves Plex’s page alone, and no claimed token behind', async (t) => {
  const usher = await startTestUsher(t)
  const { simulator } = usher
  const browser = usher.browser()
  const code = (await browser.post('/session/pin', { kind: 'link' })).json.code
  const tab = await leave(browser, '/films')
  simulator.pins.claim(code, 'friend')
  t.equal((await browser.ask('/session/pin?kind=link', { method: 'DELETE' })).status, 204)
  await until(() => simulator.tokens.living('friend').length === 0)
  simulator.pins.claim(newest(usher), 'owner')
  t.equal(await comeBack(browser, tab), '/films')
  t.match((await browser.get('/session')).json, { account: { email: OWNER } })
})

t.test('signing out ends the sign-ins under way, with the tokens of those that were claimed', async (t) => {
  const usher = await startTestUsher(t)
  const { simulator } = usher
  const browser = await usher.signedIn()
  await leave(browser, '/films')
  simulator.pins.claim(newest(usher), 'friend')
  await browser.post('/session/logout')
  t.equal(browser.jar.has('usher-signin'), false)
  await until(() => simulator.tokens.living('friend').length + simulator.tokens.living('owner').length === 0)
})

t.test('the sign-in cookie of the release before is finished as it was begun', async (t) => {
  const usher = await startTestUsher(t)
  const browser = usher.browser()
  await leave(browser, '/films')
  const [pin] = usher.simulator.pins.list()
  const { id = 0, code = '', clientIdentifier = '', expiresAt = 0 } = pin ?? {}
  const before = usher.core.seal.seal('signin', [
    1,
    id,
    code,
    clientIdentifier,
    '/old',
    'redirect',
    expiresAt
  ])
  browser.jar.set('usher-signin', before)
  usher.simulator.pins.claim(id, 'owner')
  t.equal(await comeBack(browser, '/session/callback'), '/old')
})

t.test('rule 29: a flow signs nobody in whose browser did not begin it', async (t) => {
  const usher = await startTestUsher(t)
  const { simulator } = usher
  const attacker = usher.browser()
  const tab = await leave(attacker, '/films')
  simulator.pins.claim(newest(usher), 'friend')
  const victim = usher.browser()
  t.equal(await comeBack(victim, tab), '/signin?error=USHER_PIN_UNKNOWN&returnTo=%2Ffilms')
  t.equal(victim.jar.size, 0)
  await until(
    () => simulator.tokens.living('friend').length === 0,
    'the token of the planted sign-in is signed out'
  )
  const signedIn = await usher.signedIn(OWNER)
  const session = signedIn.jar.get('usher')
  t.equal(await comeBack(signedIn, tab), '/films', 'no more than a link would do')
  t.equal(signedIn.jar.get('usher'), session)
  t.equal((await signedIn.get('/session/account')).status, 200)
  const { status } = await usher.browser().post('/session/login', { login: FRIEND, password: PASSWORD })
  t.equal(status, 201)
})

t.test('rule 80: no sign-in ends at a path that plays, scrobbles or signs out', async (t) => {
  const usher = await startTestUsher(t)
  const browser = await usher.signedIn()
  const scrobble = '/pms/:/scrobble?key=1&identifier=com.plexapp.plugins.library'
  for (const path of [
    scrobble,
    `/%70ms${scrobble.slice(4)}`,
    '/session/logout',
    '/plex/api/v2/user',
    '/oidc/auth'
  ]) {
    const query = `returnTo=${encodeURIComponent(path)}`
    const page = await browser.get(`/signin?fresh=1&${query}`)
    t.match(page.text, /data-return-to=""/, path)
    t.notMatch(page.text, /scrobble/)
    const nested = `/signin?returnTo=${encodeURIComponent(`/signin?fresh=1&${query}`)}`
    t.match((await browser.get(nested)).text, /data-return-to=""/, path)
    const begun = await browser.get(`/session/login?${query}`, NAVIGATION)
    t.equal(begun.headers.location, '/signin?error=USHER_INVALID_REQUEST')
    matchProblem(t, await browser.post('/session/pin', { returnTo: path }), 400, 'USHER_INVALID_REQUEST')
  }
  const interaction = '/oidc/interaction/abc'
  t.equal((await browser.post('/session/pin', { returnTo: interaction })).status, 201)
})
