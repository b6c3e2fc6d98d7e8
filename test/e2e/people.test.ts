import { join } from 'node:path'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { BOX_ID } from '../simulator/servers.ts'
import { type Simulator, startSimulator } from '../simulator/simulator.ts'
import { type BackChannel, startBackChannel } from '../support/back-channel.ts'
import { authRequest, KEYS, SECRET, toClients } from '../support/openid.ts'
import { freePort } from '../support/ports.ts'
import { skipWithout } from '../support/programs.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { FRIEND, OWNER, PASSWORD, startTestUsher, type TestUsher } from '../support/usher.ts'
import { auditPage } from './support/axe.ts'
import { launchBrowser, openPage, skipWithoutChromium, type WatchedPage } from './support/browser.ts'
import { shoot } from './support/screenshots.ts'
import { startSwitch } from './support/switch.ts'

t.setTimeout(600_000) // Chromium on a busy machine: slow, not stuck.

const FRIEND_ID = 7_654_321
const ROBIN = 'robin'
const PHONE = {
  userAgent:
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1',
  viewport: { width: 390, height: 844 }
}
const TELEVISION = {
  userAgent:
    'Mozilla/5.0 (SMART-TV; LINUX; Tizen 7.0) AppleWebKit/537.36 (KHTML, like Gecko) 94.0.4606.31/7.0 TV Safari/537.36',
  viewport: { width: 1920, height: 1080 }
}
const FILM = '/pms/library/parts/221639/1745854354/%E5%8D%83%E3%81%A8%E5%8D%83%E5%B0%8B.mkv'
const ICON =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><circle cx="4.5" cy="4.5" r="4" fill="#2a7f62"/></svg>'

function appsOf(t: Test): string {
  const icon = join(t.testdir({ 'icon.svg': ICON }), 'icon.svg')
  return JSON.stringify([
    { id: 'photos', name: 'Photos', url: 'https://photos.example', icon },
    { id: 'books', name: 'Lesesaal Großmüllerstraße', url: 'https://books.example' },
    { id: 'vault', name: 'Vault', url: 'https://vault.example', access: { roles: ['owner'] } }
  ])
}

interface Place {
  readonly browser: Browser
  readonly simulator: Simulator
  /** Two instances behind one address, over Redis; one of them where Redis is missing. */
  readonly instances: readonly TestUsher[]
  readonly url: string
  /** USHER_PLEX_TOKEN. */
  readonly ownerToken: string
  /** The app that is entered, as it hears of sign-outs. */
  readonly channel: BackChannel
  lead(instance: number): void
}

async function open(t: Test): Promise<Place> {
  const browser = await launchBrowser(t)
  const simulator = await startSimulator()
  t.teardown(() => simulator.close())
  const channel = await startBackChannel(t)
  const redis = skipWithout('redis-server') === false ? await startRedis(t) : null
  const publicPort = await freePort()
  const url = `http://127.0.0.1:${publicPort}`
  const front = await startSwitch(t, publicPort)
  const ownerToken = simulator.tokens.issue('owner', 'the-operator')
  const settings = {
    USHER_PUBLIC_URL: url,
    USHER_PORT: '0',
    USHER_PLEX_TOKEN: ownerToken,
    USHER_RECHECK: '4s',
    USHER_APPS: appsOf(t),
    USHER_OIDC_KEYS: KEYS,
    USHER_OIDC_CLIENTS: toClients([
      {
        id: 'immich',
        name: 'Immich',
        secret: SECRET,
        redirectUris: [channel.uri],
        backchannelLogoutUri: channel.uri
      }
    ]),
    USHER_REDIS_URL: redis?.url
  }
  const first = await startTestUsher(t, { simulator, settings })
  const { USHER_SESSION_KEYS } = first.settings
  const second =
    redis === null
      ? first
      : await startTestUsher(t, { simulator, settings: { ...settings, USHER_SESSION_KEYS } })
  const instances = [first, second]
  const lead = (instance: number) => front.lead(Number(new URL(instances[instance]?.publicUrl ?? '').port))
  lead(0)
  return { browser, simulator, instances, url, ownerToken, channel, lead }
}

let visitors = 0

/** Each browser has its own address, as behind a proxy. */
function visit({ browser }: Place, options: BrowserContextOptions): Promise<WatchedPage> {
  visitors += 1
  const extraHTTPHeaders = { 'x-forwarded-for': `198.51.100.${visitors}` }
  return openPage(browser, { ...options, extraHTTPHeaders })
}

async function signIn(
  place: Place,
  login: string,
  options: BrowserContextOptions = {}
): Promise<WatchedPage> {
  const watched = await visit(place, options)
  await watched.page.goto(`${place.url}/signin`)
  const status = await watched.page.evaluate(
    `fetch('/session/login', { method: 'POST', headers: { 'content-type': 'application/json' },
      body: JSON.stringify(${JSON.stringify({ login, password: PASSWORD })}) }).then((answer) => answer.status)`
  )
  if (status !== 201) throw new Error(`sign-in of ${login} answered ${status}`)
  return watched
}

/** Goes to an app and comes back. */
async function enter({ url, channel }: Place, page: Page): Promise<void> {
  await page.goto(url + authRequest('immich', { redirect_uri: channel.uri }).path)
  await page.getByText('In the app').waitFor()
  await page.goto(`${url}/signin`)
}

/** Reads the film as a player does, slowly, and notes when it ends. */
function play(page: Page): Promise<unknown> {
  return page.evaluate(`fetch('${FILM}').then(async (answer) => {
    window.film = { status: answer.status, endedAt: null }
    const reader = answer.body.getReader()
    const step = async () => {
      const { done } = await reader.read().catch(() => ({ done: true }))
      if (done) window.film.endedAt = Date.now()
      else if (window.isStopped) void step()
      else setTimeout(step, 50)
    }
    void step()
  })`)
}

/** Beside the page, which may be loading itself anew. A connection that a switch has cut is tried again. */
async function status(page: Page): Promise<number> {
  const { origin } = new URL(page.url())
  return (await page.context().request.get(`${origin}/session`, { maxRetries: 3 })).status()
}

async function goToPeople({ url }: Place, page: Page): Promise<void> {
  // The list that is left may be about to load itself anew, which cancels the first try.
  await page.goto(`${url}/signin/people`).catch(() => page.goto(`${url}/signin/people`))
  await page.getByRole('heading', { name: 'People' }).waitFor()
}

t.test('who is in, and who ends it', { skip: skipWithoutChromium }, async (t) => {
  const place = await open(t)
  const { simulator, channel, url } = place
  const owner = await signIn(place, OWNER, PHONE)
  const { page } = owner
  const robin = await signIn(place, ROBIN)
  const television = await signIn(place, FRIEND, TELEVISION)
  const phone = await signIn(place, FRIEND, PHONE)

  await t.test(
    'two phones and a television: the owner ends one, its film stops, its apps are told',
    async (t) => {
      await enter(place, television.page)
      await enter(place, phone.page)
      await play(television.page)
      await goToPeople(place, page)
      await page.getByText('千と千尋').waitFor()
      const entry = page.locator('.entry', { hasText: '千と千尋' })
      t.match(await entry.innerText(), /friend[\s\S]*Television[\s\S]*Immich/)
      await entry.getByRole('link', { name: /^End/ }).click()
      await page.getByText(/End the session of friend/).waitFor()
      t.equal(await television.page.evaluate('window.film.endedAt'), null, 'asked first')
      // The server may be asked for a title at the same time.
      await until(() => simulator.activeResponses('pms') === 1, 'the film is under way')
      await page.getByRole('button', { name: 'End it' }).click()
      const ended = await until(() =>
        place.instances[0]?.logs.find(
          ({ event, reason }) => event === 'session.ended' && reason === 'ended_by_owner'
        )
      )
      // What the browser had read ahead it may still hand out; nothing more comes.
      await until(() => simulator.activeResponses('pms') === 0)
      const tookMs = Date.now() - Date.parse(String(ended['time']))
      t.ok(tookMs < 10_000, `the film stopped after ${tookMs} ms, on a busy machine as well`)
      await television.page.evaluate('window.isStopped = true')
      await until(() => television.page.evaluate('window.film.endedAt'), 'the player ends')
      await until(() => channel.told.length === 1, 'the app is told')
      await page.getByRole('heading', { name: 'People' }).waitFor()
      t.equal(await page.getByText('千と千尋').count(), 0)
      t.equal(await status(television.page), 401)
      t.equal(await status(phone.page), 200, 'the phone goes on')
      t.equal(channel.told.length, 1, 'and its app is not told')
    }
  )

  await t.test('signing somebody out everywhere tells their apps too', async (t) => {
    await goToPeople(place, page)
    await page.locator(`#out-${FRIEND_ID}`).click()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await until(() => channel.told.length === 2)
    t.equal(await status(phone.page), 401)
    t.equal(await status(robin.page), 200)
  })

  await t.test(
    'an account blocked at one instance cannot sign in at another',
    { skip: skipWithout('redis-server') },
    async (t) => {
      const again = await signIn(place, FRIEND, PHONE)
      await goToPeople(place, page)
      await page.locator(`#block-${FRIEND_ID}`).click()
      await page.getByRole('button', { name: 'Block' }).click()
      await page.locator('.badge', { hasText: 'Blocked' }).waitFor()
      // A switch cuts what the page still loads.
      await page.waitForLoadState()
      place.lead(1)
      await until(async () => (await status(again.page)) === 401)
      await again.page.goto(`${url}/signin`)
      await again.page.getByRole('button', { name: /^With a password/ }).click()
      await again.page.getByLabel('E-mail address or username').fill(FRIEND)
      await again.page.getByLabel('Plex password').fill(PASSWORD)
      // The page takes the error from its address as soon as it runs.
      const refused = again.page.waitForURL(/error=USHER_ACCOUNT_BLOCKED/)
      await again.page.getByRole('button', { name: 'Sign in', exact: true }).click()
      await refused
      t.equal(await status(again.page), 401)
      await goToPeople(place, page)
      await page.locator(`#block-${FRIEND_ID}`).click()
      await page.getByRole('button', { name: 'Let in again' }).click()
      await page.getByRole('heading', { name: 'People' }).waitFor()
      await page.waitForLoadState()
      place.lead(0)
      t.ok(await signIn(place, FRIEND, PHONE), 'let in again')
    }
  )

  await t.test(
    'a withdrawn share ends exactly one person, by two lists; a truncated list ends nobody',
    async (t) => {
      const friend = await signIn(place, FRIEND, PHONE)
      const received = (path: string) => simulator.received({ service: 'plex', path })
      const asked = (path: string) => received(path).length
      /** What was asked with USHER_PLEX_TOKEN, or else with the tokens of sessions. */
      const askedBy = (who: 'the owner token' | 'sessions', path: string) =>
        received(path).filter(
          ({ headers }) =>
            headers.some(([, value]) => value === place.ownerToken) === (who === 'the owner token')
        ).length
      // The instance that the owner went to last may only now prove whose token USHER_PLEX_TOKEN is.
      const byThemselves = askedBy('sessions', '/api/v2/resources')
      const lists = askedBy('the owner token', '/api/users')
      simulator.shares.remove('friend', BOX_ID)
      await until(async () => (await status(friend.page)) === 401, 'the share is noticed')
      for (const each of [owner, robin]) t.equal(await status(each.page), 200)
      t.equal(askedBy('sessions', '/api/v2/resources'), byThemselves, 'nobody was asked one by one')
      // A look may be under way.
      await until(() => {
        const [users, home] = ['/api/users', '/api/v2/home'].map((path) => askedBy('the owner token', path))
        return users !== undefined && users > lists && users === home
      }, 'two calls for each look at the lists')
      await goToPeople(place, page)
      t.equal(await page.locator('.entry', { hasText: 'friend: ' }).count(), 0)
      simulator.shares.add('friend', BOX_ID)

      const again = await signIn(place, FRIEND, PHONE)
      const fault = simulator.faults.set({ service: 'plex', path: '/api/users', kind: 'truncate' })
      const before = asked('/api/users')
      await until(() => asked('/api/users') >= before + 3, 'three truncated lists')
      for (const each of [owner, robin, again]) t.equal(await status(each.page), 200)
      simulator.faults.clear(fault)
    }
  )

  await t.test('the lists are live, and arrow keys go through them', async (t) => {
    const screen = await signIn(place, ROBIN, TELEVISION)
    /** Asked for before the page is loaded: it hears of news, and of keys, from then on. */
    const isSetUp = () => screen.page.waitForResponse(`${url}/signin/live`)
    let setUp = isSetUp()
    await screen.page.goto(`${url}/signin/devices`)
    await screen.page.getByRole('heading', { name: 'Devices' }).waitFor()
    await setUp
    const count = await screen.page.locator('.entry').count()
    setUp = isSetUp()
    const more = await signIn(place, ROBIN, PHONE)
    await setUp
    await screen.page.locator('.entry').nth(count).waitFor()
    for (let presses = 0; presses < 2; presses += 1) await screen.page.keyboard.press('ArrowDown')
    // A page that is just being loaded answers nothing.
    const focusedId = () => screen.page.evaluate<string>('document.activeElement.id').catch(() => '')
    const isOld = () => screen.page.evaluate<boolean>('window.isOld === true').catch(() => true)
    const focused = await focusedId()
    t.match(focused, /^end-/)
    setUp = isSetUp()
    await more.page.evaluate("fetch('/session/logout', { method: 'POST' })")
    await setUp
    await until(async () => (await screen.page.locator('.entry').count()) === count)
    await until(async () => (await focusedId()) === focused, 'the focus')
    await screen.page.locator('#to-devices').focus()
    await screen.page.evaluate('window.isOld = true')
    setUp = isSetUp()
    const third = await signIn(place, ROBIN, PHONE)
    await setUp
    await until(async () => !(await isOld()) && (await focusedId()) !== '', 'the page of three')
    t.equal(await focusedId(), 'to-devices', 'a link of the page keeps it too')
    const handles = await screen.page.evaluate<string[]>(
      'Array.from(document.querySelectorAll(".entry > a"), ({ id }) => id)'
    )
    const known = await screen.page.evaluate<string>(
      "fetch('/session/sessions').then((answer) => answer.json()).then(({ sessions }) => sessions.find(({ current }) => current).handle)"
    )
    const gone = handles.find((id) => id !== `end-${known}`) ?? ''
    await screen.page.locator(`#${gone}`).focus()
    setUp = isSetUp()
    await screen.page.evaluate(
      `window.isOld = true; void fetch('/session/sessions/${gone.replace('end-', '')}', { method: 'DELETE' })`
    )
    await setUp
    await until(async () => !(await isOld()) && (await focusedId()) !== '', 'the page without it')
    t.equal(await focusedId(), 'heading', 'where its entry is gone, it is at the top of the page')
    await screen.page.evaluate(
      "window.isOld = true; setTimeout(() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })))"
    )
    await until(async () => !(await isOld()), 'a page from the back/forward cache is loaded again')
    await third.page.context().close()
    t.strictSame(screen.complaints, [])
  })

  await t.test('looked at in light, dark, on a phone, on a television and without scripts', async (t) => {
    const cookies = await page.context().cookies()
    const player = await signIn(place, ROBIN, PHONE)
    await enter(place, player.page)
    await play(player.page)
    for (const [look, options] of Object.entries({
      light: { viewport: { width: 1280, height: 900 } },
      dark: { viewport: { width: 1280, height: 900 }, colorScheme: 'dark' },
      phone: { viewport: PHONE.viewport, isMobile: true, hasTouch: true },
      television: TELEVISION,
      bare: { viewport: PHONE.viewport, javaScriptEnabled: false, colorScheme: 'dark' }
    } as const satisfies Record<string, BrowserContextOptions>)) {
      const seen = await visit(place, options)
      await seen.page.context().addCookies(cookies)
      // No news: a page that loads itself anew cannot be looked at.
      await seen.page
        .context()
        .route('**/signin/live', (route) =>
          route.fulfill({ contentType: 'text/event-stream', body: 'retry: 600000\n\n' })
        )
      for (const [name, path] of [
        ['account', ''],
        ['devices', '/devices'],
        ['people', '/people'],
        ['question', `/people?block=${FRIEND_ID}`],
        ['events', '/events']
      ] as const) {
        await seen.page.goto(`${url}/signin${path}`)
        await seen.page.getByRole('heading', { level: 1 }).waitFor()
        await shoot(seen.page, `people-${name}-${look}`)
        if (look === 'phone' || look === 'dark')
          t.strictSame(await auditPage(seen.page), [], `${name}, ${look}: nothing that axe-core finds`)
        const isWide = await seen.page.evaluate<boolean>(
          'document.documentElement.scrollWidth > document.documentElement.clientWidth'
        )
        t.notOk(isWide, `${name}, ${look}: nothing beyond the window`)
      }
      t.strictSame(seen.complaints, [], look)
      await seen.page.context().close()
    }
    // axe-core is a script itself: the page's own scripts are kept away from a browser that runs it.
    const still = await visit(place, { viewport: PHONE.viewport, colorScheme: 'dark' })
    await still.page.context().addCookies(cookies)
    await still.page.context().route(/\.js$/, (route) => route.abort())
    for (const path of ['/people', '/events']) {
      await still.page.goto(`${url}/signin${path}`)
      t.strictSame(
        await auditPage(still.page),
        [],
        `${path} without its scripts: nothing that axe-core finds`
      )
    }
  })

  await t.test('everything works without scripts', async (t) => {
    const bare = await visit(place, { javaScriptEnabled: false })
    await bare.page.context().addCookies(await page.context().cookies())
    await bare.page.goto(`${url}/signin/people`)
    await bare.page.locator(`#block-${FRIEND_ID}`).or(bare.page.locator('[id^="block-"]')).first().click()
    await bare.page.getByRole('link', { name: 'Cancel' }).click()
    await bare.page.locator('[id^="block-"]').first().click()
    await bare.page.getByRole('button', { name: 'Block' }).click()
    await bare.page.getByRole('link', { name: /^Let in again/ }).waitFor()
    await bare.page.getByRole('link', { name: 'Events' }).click()
    await bare.page.getByText('account.blocked').first().waitFor()
    t.strictSame(bare.complaints, [])
  })
  // A switch to another instance cuts the stream of news, or the question for it.
  t.strictSame(
    owner.complaints.filter(
      (text) => !/net::ERR_(?:INCOMPLETE_CHUNKED_ENCODING|EMPTY_RESPONSE|CONNECTION_RESET)/.test(text)
    ),
    []
  )
})

t.test('whoever is no owner has no page of people, and a form of another site does nothing', async (t) => {
  const usher = await startTestUsher(t)
  const friend = await usher.signedIn(FRIEND)
  t.equal((await friend.get('/signin/people')).status, 403)
  t.equal((await friend.get('/signin/events')).status, 403)
  t.notMatch((await friend.get('/signin/devices')).text, /signin\/people/)
  const page = { accept: 'text/html', 'sec-fetch-mode': 'navigate' }
  const denied = await friend.get('/signin/people', page)
  t.match(denied.text, 'id="another" href="/signin?again=1">Use another account')
  const gone = await friend.get('/signin/devices?end=gone', page)
  t.match(gone, { status: 404, text: /<h1[^>]*>This page does not exist<\/h1>/ })
  const stranger = await usher.browser().get('/signin/devices')
  t.match(stranger, { status: 303, headers: { location: /\/signin\?returnTo=/ } })
  const body = 'out=1'
  const headers = { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': 'cross-site' }
  t.equal((await friend.ask('/signin/devices', { method: 'POST', body, headers })).status, 403)
})
