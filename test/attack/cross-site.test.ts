import t from 'tap'
import { matchProblem } from '../support/sign-in.ts'
import { OWNER, PASSWORD, startTestUsher } from '../support/usher.ts'

const UNSAFE = '/pms/:/scrobble?key=1001&identifier=com.plexapp.plugins.library'
const SIBLING = 'https://app.example'
const CREDENTIALS = { login: OWNER, password: PASSWORD }
/** What a browser sends that knows no Fetch Metadata, or that was reached over plain HTTP. */
const OLD = { 'sec-fetch-site': undefined }

t.test('rule 79: a navigation makes the media server change nothing, whatever its site', async (t) => {
  const usher = await startTestUsher(t)
  const browser = await usher.signedIn()
  t.equal((await browser.get('/pms/library/sections')).status, 200)
  usher.simulator.clearReceived()
  for (const site of ['same-origin', 'none', 'same-site', 'cross-site']) {
    const headers = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document', 'sec-fetch-site': site }
    matchProblem(t, await browser.get(UNSAFE, headers), 403, 'USHER_CROSS_SITE', site)
    for (const [method, path] of [
      ['POST', '/session/logout'],
      ['POST', '/session/pin'],
      ['PUT', '/pms/:/prefs'],
      ['DELETE', '/session/pin']
    ] as const)
      matchProblem(
        t,
        await browser.ask(path, { method, headers }),
        403,
        'USHER_CROSS_SITE',
        `${site} ${path}`
      )
  }
  t.strictSame(usher.simulator.received(), [], 'nothing went on')
  t.equal((await browser.get('/session')).status, 200)
  t.equal((await browser.get(UNSAFE)).status, 200, 'a script of our own page may')
})

t.test('rule 81: 620 requests that another site made leave the visitor’s own alone', async (t) => {
  const usher = await startTestUsher(t)
  const browser = await usher.signedIn()
  const evil = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors', origin: 'https://evil.example' }
  const posts = Array.from({ length: 620 }, () => browser.post('/session/logout', {}, evil))
  t.ok(
    (await Promise.all(posts)).every(({ status }) => status === 403),
    'each of them is refused'
  )
  // A picture carries no Lax cookie, and what it asks for is refused to nobody: it counts by itself.
  const picture = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors', cookie: undefined }
  const pictures = Array.from({ length: 620 }, () => browser.get('/session', picture))
  const seen = new Set((await Promise.all(pictures)).map(({ status }) => status))
  t.strictSame([...seen].sort(), [401, 429], 'another site’s own requests are limited')
  t.equal((await browser.get('/session')).status, 200)
  t.equal((await browser.get('/plex/api/v2/user')).status, 200)
  t.equal((await browser.post('/session/logout')).status, 204)
  t.equal((await browser.post('/session/login', CREDENTIALS)).status, 201)
  t.equal((await browser.post('/session/pin', { kind: 'link' })).status, 201)
})

t.test('rule 81: an old browser’s own sign-in survives 620 pictures of another site as well', async (t) => {
  const usher = await startTestUsher(t)
  const own = { ...OLD, origin: usher.settings['USHER_PUBLIC_URL'] }
  const browser = usher.browser()
  const picture = { ...OLD, accept: 'image/*', cookie: undefined }
  await Promise.all(Array.from({ length: 620 }, () => browser.get('/session', picture)))
  t.equal((await browser.get('/session', picture)).status, 429)
  t.equal((await browser.post('/session/login', CREDENTIALS, own)).status, 201)
  t.equal((await browser.get('/session', OLD)).status, 200, 'who is signed in counts by account')
  t.equal((await browser.post('/session/logout', {}, own)).status, 204)
})

t.test('rule 81: navigations that another site made do not close the sign-in by PIN', async (t) => {
  const usher = await startTestUsher(t)
  const browser = usher.browser()
  const from = (site: string) => ({
    'sec-fetch-site': site,
    'sec-fetch-mode': 'navigate',
    'sec-fetch-dest': 'document'
  })
  for (let count = 0; count < 12; count += 1) {
    // Without the cookie of the one before: with it there is one PIN for all of them, and nothing to limit.
    const { status, headers } = await browser.get('/session/login?returnTo=/', {
      ...from('cross-site'),
      cookie: undefined
    })
    t.equal(status, 302)
    const limited = /^\/signin\?error=USHER_RATE_LIMITED/.test(headers.location ?? '')
    t.equal(limited, count >= 10, `${count}: ${headers.location}`)
  }
  const own = await browser.get('/session/login?returnTo=/', from('same-origin'))
  t.notMatch(own.headers.location, /error=/, 'the page’s own link still leads to Plex')
  t.equal((await browser.post('/session/pin', {})).status, 201)
})

t.test('rule 69: one account’s limit follows it over addresses, and touches no other account', async (t) => {
  const usher = await startTestUsher(t)
  const [one, other] = [await usher.signedIn(), await usher.signedIn('friend@example.com')]
  const asked = Array.from({ length: 610 }, (_, index) =>
    one.get('/session', { 'x-forwarded-for': `203.0.113.${index % 250}` })
  )
  const limited = (await Promise.all(asked)).filter(({ status }) => status === 429).length
  t.ok(limited >= 10, `${limited} were limited`)
  matchProblem(t, await one.get('/session'), 429, 'USHER_RATE_LIMITED')
  const sameAddress = { 'x-forwarded-for': '203.0.113.1' }
  t.equal((await other.get('/session', sameAddress)).status, 200, 'behind the same address')
  t.equal((await usher.browser().post('/session/login', CREDENTIALS, sameAddress)).status, 201)
})

t.test('a person who exceeds the general limit on the way to Plex gets the page', async (t) => {
  const usher = await startTestUsher(t)
  const browser = usher.browser()
  const navigation = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }
  await Promise.all(Array.from({ length: 610 }, () => browser.get('/session/login?returnTo=//evil')))
  const answer = await browser.get('/session/login', navigation)
  t.equal(answer.status, 302)
  t.equal(answer.headers.location, '/signin?error=USHER_RATE_LIMITED')
  t.ok(Number(answer.headers['retry-after']) > 0)
  matchProblem(t, await browser.get('/session/login'), 429, 'USHER_RATE_LIMITED', 'a script gets JSON')
})

t.test('a service worker navigates too, and a frame does not', async (t) => {
  const usher = await startTestUsher(t)
  for (const [dest, status] of [
    ['document', 302],
    ['empty', 302],
    ['iframe', 403],
    ['frame', 403],
    ['embed', 403],
    ['object', 403],
    ['image', 403]
  ] as const) {
    const headers = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': dest, 'sec-fetch-site': 'same-origin' }
    for (const path of ['/session/login', '/session/callback']) {
      const answer = await usher.browser().get(path, headers)
      t.equal(answer.status, status, `${dest} ${path}`)
      if (status === 403) t.strictSame(answer.setCookies, [], 'and no PIN is made')
    }
  }
  const script = { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty', 'sec-fetch-site': 'same-origin' }
  matchProblem(t, await usher.browser().get('/session/login', script), 403, 'USHER_CROSS_SITE')
})

t.test('rule 83: a television that sends nothing but its cookie reads, and changes nothing', async (t) => {
  const usher = await startTestUsher(t, {
    settings: { USHER_PUBLIC_URL: 'http://usher.lan', USHER_ALLOW_HTTP: 'true' }
  })
  const host = { host: 'usher.lan' }
  const browser = usher.browser()
  t.equal((await browser.post('/session/login', CREDENTIALS, host)).status, 201)
  const old = { ...host, ...OLD }
  const reads = ['/pms/library/sections', '/plex/api/v2/user', '/session']
  for (const path of reads) {
    t.equal((await browser.get(path, old)).status, 200, path)
    t.equal((await browser.get(path, { ...old, referer: 'http://usher.lan/app/' })).status, 200, path)
    t.equal((await browser.get(path, { ...old, range: 'bytes=0-' })).status < 300, true, path)
  }
  for (const path of reads.slice(0, 2)) {
    const foreign = { ...old, referer: 'http://evil.example/page' }
    matchProblem(t, await browser.get(path, foreign), 403, 'USHER_CROSS_SITE', path)
    const anonymous = await usher.browser().get(path, old)
    matchProblem(t, anonymous, 401, 'USHER_SESSION_REQUIRED', `${path} without a cookie`)
  }
  usher.simulator.clearReceived()
  matchProblem(t, await browser.get(UNSAFE, old), 403, 'USHER_CROSS_SITE')
  matchProblem(
    t,
    await browser.get(UNSAFE, { ...old, referer: 'http://usher.lan/' }),
    403,
    'USHER_CROSS_SITE'
  )
  for (const [method, path] of [
    ['POST', '/session/logout'],
    ['DELETE', '/session/pin'],
    ['POST', '/pms/:/timeline']
  ] as const)
    matchProblem(t, await browser.ask(path, { method, headers: old }), 403, 'USHER_CROSS_SITE', path)
  t.strictSame(usher.simulator.received(), [])
  t.equal((await browser.get(UNSAFE, { ...old, origin: 'http://usher.lan' })).status, 200, 'Origin is proof')
  t.equal((await browser.get(UNSAFE, { ...old, 'x-usher': '1' })).status, 200, 'and so is X-Usher')
})

t.test('rule 28: an allowed sibling shows pictures and plays media, and another does not', async (t) => {
  const settings = { USHER_PUBLIC_URL: 'https://usher.example', USHER_ALLOWED_ORIGINS: SIBLING }
  const usher = await startTestUsher(t, { settings })
  const host = { host: 'usher.example' }
  const browser = usher.browser()
  t.equal((await browser.post('/session/login', CREDENTIALS, host)).status, 201)
  const embedded = { ...host, 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'no-cors' }
  const path = '/pms/library/sections'
  const shown = await browser.get(path, { ...embedded, referer: `${SIBLING}/` })
  t.equal(shown.status, 200)
  t.equal(shown.headers['cross-origin-resource-policy'], 'same-site')
  for (const referer of [
    undefined,
    'https://other.example/',
    'https://usher.example/',
    `${SIBLING}.evil.example/`
  ])
    matchProblem(
      t,
      await browser.get(path, { ...embedded, referer }),
      403,
      'USHER_CROSS_SITE',
      referer ?? 'none'
    )
  const unsafe = await browser.get(UNSAFE, { ...embedded, referer: `${SIBLING}/` })
  matchProblem(t, unsafe, 403, 'USHER_CROSS_SITE', 'a picture changes nothing')
  const crossSite = { ...embedded, 'sec-fetch-site': 'cross-site', referer: `${SIBLING}/` }
  matchProblem(
    t,
    await browser.get(path, crossSite),
    403,
    'USHER_CROSS_SITE',
    'the site is the browser’s word'
  )
})

t.test('rule 34: an allowed frontend reads the fields that a player needs', async (t) => {
  const usher = await startTestUsher(t, { settings: { USHER_ALLOWED_ORIGINS: SIBLING } })
  const browser = await usher.signedIn()
  for (const path of ['/session', '/pms/library/sections', '/plex/api/v2/user', '/pms/nowhere/allowed']) {
    const { headers } = await browser.get(path, { origin: SIBLING, 'sec-fetch-site': 'cross-site' })
    t.equal(headers['access-control-allow-origin'], SIBLING, path)
    t.strictSame(
      String(headers['access-control-expose-headers']).split(', ').sort(),
      [
        'Accept-Ranges',
        'Content-Range',
        'ETag',
        'Retry-After',
        'Server-Timing',
        'X-Plex-Container-Start',
        'X-Plex-Container-Total-Size'
      ],
      path
    )
  }
})
