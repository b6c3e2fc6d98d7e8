import type { Page } from 'playwright-core'
import t from 'tap'
import { until } from '../support/until.ts'
import { FRIEND } from '../support/usher.ts'
import { auditPage } from './support/axe.ts'
import { launchBrowser, openPage, skipWithoutChromium } from './support/browser.ts'
import { startCinema } from './support/cinema.ts'

t.setTimeout(600_000) // Chromium on a busy machine: slow, not stuck.

const WAIT = { timeout: 60_000 }
const VIDEO = "document.querySelector('video')"

/** For a failure: what the page shows, and how far its films are. */
const STATE = `JSON.stringify({
  at: location.hash,
  shows: document.body.innerText.slice(0, 300),
  films: [...document.querySelectorAll('video')].map((video) => ({
    source: video.currentSrc.slice(0, 100),
    time: video.currentTime,
    paused: video.paused,
    ready: video.readyState,
    network: video.networkState,
    failed: video.error?.message
  }))
})`

/** On a busy machine a film of half a minute may end, and its page with it, before the test is through with it. */
const KEEP_ON = `${VIDEO}.loop = true`

/** As a finger on the bar of the player does. */
const MOVE_TO_20 = `(() => {
  const range = document.querySelector('.seek input')
  range.value = '20'
  range.dispatchEvent(new Event('input'))
})()`

const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true }
/** 1.6 Mbit/s with a round trip of 150 ms. */
const SLOW = { offline: false, latency: 150, downloadThroughput: 200_000, uploadThroughput: 94_000 }
/** The posters of the first screen. */
const FIRST_SCREEN = `[...document.querySelectorAll('.shelf img')].filter((image) => {
  const { left, top } = image.getBoundingClientRect()
  return left < innerWidth && top < innerHeight
})`
const SHOWN = `(() => {
  const posters = ${FIRST_SCREEN}
  return posters.length > 0 && posters.every(({ complete, naturalWidth }) => complete && naturalWidth > 0)
})()`

interface Load {
  readonly bytes: number
  readonly urls: readonly string[]
  /** Those that are under way: what a page that is closed has not read whole is not kept. */
  readonly pictures: ReadonlyMap<string, string>
}

/** Opens the page over a slow line, and tells what came over it until the posters of the first screen are there. */
async function visitSlowly(page: Page, url: string): Promise<Load> {
  const debug = await page.context().newCDPSession(page)
  await debug.send('Network.enable')
  await debug.send('Network.emulateNetworkConditions', SLOW)
  const urls = new Map<string, string>()
  const pictures = new Map<string, string>()
  const came: { readonly url: string; readonly bytes: number }[] = []
  debug.on('Network.requestWillBeSent', ({ requestId, request }) => {
    urls.set(requestId, request.url)
    if (request.url.includes('/photo/')) pictures.set(requestId, request.url)
  })
  debug.on('Network.loadingFailed', ({ requestId }) => pictures.delete(requestId))
  debug.on('Network.requestServedFromCache', ({ requestId }) => urls.delete(requestId))
  debug.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    pictures.delete(requestId)
    const asked = urls.get(requestId)
    if (asked !== undefined && encodedDataLength > 0) came.push({ url: asked, bytes: encodedDataLength })
  })
  await page.goto(url)
  await when(page, SHOWN)
  const posters = await page.evaluate<string[]>(`${FIRST_SCREEN}.map(({ currentSrc }) => currentSrc)`)
  await until(
    () => ![...pictures.values()].some((each) => posters.includes(each)),
    'their posters are counted'
  )
  // What came while a busy machine was about to look is behind the last of them.
  const last = came.findLastIndex((each) => posters.includes(each.url))
  const before = last === -1 ? came : came.slice(0, last + 1)
  return {
    bytes: before.reduce((sum, { bytes }) => sum + bytes, 0),
    urls: before.map((each) => each.url),
    pictures
  }
}

/** Waits until an expression in the page is true; if it never is, the error says what the page and its film are at. */
async function when(page: Page, expression: string): Promise<void> {
  try {
    await until(() => page.evaluate<boolean>(expression), expression, WAIT.timeout)
  } catch (cause) {
    throw new Error(`not true: ${expression}, ${await page.evaluate<string>(STATE)}`, { cause })
  }
}

t.test('the cinema in Chromium', { skip: skipWithoutChromium }, async (t) => {
  const cinema = await startCinema(t)
  const browser = await launchBrowser(t)

  await t.test('signs in, finds a film, plays it, and says why it stops', async (t) => {
    const { page, complaints } = await openPage(browser)
    page.setDefaultTimeout(WAIT.timeout)
    const refused: string[] = []
    page.on('response', (answer) => {
      if (answer.status() >= 400 && answer.status() !== 401)
        refused.push(`${answer.status()} ${answer.url()}`)
    })
    await page.goto(cinema.url)
    const entrance = page.getByRole('button', { name: 'Sign in with Plex' })
    await entrance.waitFor()
    t.strictSame(await auditPage(page), [], 'the way in')
    await entrance.click()
    await page.waitForURL('**/signin?**')
    t.equal(new URL(page.url()).searchParams.get('returnTo'), '/cinema/')
    await cinema.admit(page, FRIEND)
    await page.goto(`${cinema.url}#/`)
    await page
      .getByRole('link', { name: /Orbit of the Moth/ })
      .first()
      .waitFor()
    t.strictSame(await auditPage(page), [], 'home')
    const kept =
      "fetch(document.querySelector('.shelf img').src).then(({ headers }) => headers.get('cache-control'))"
    t.match(await page.evaluate(kept), /^private, max-age=\d+, stale-while-revalidate/)
    const focused = () => page.evaluate<string>("document.activeElement.querySelector('strong')?.textContent")
    for (const key of ['ArrowDown', 'ArrowDown', 'ArrowRight']) await page.keyboard.press(key)
    t.equal(await focused(), 'Quiet Machines', 'the second poster, by a remote control’s keys')

    await page.getByRole('link', { name: 'Search' }).click()
    await page.getByRole('searchbox').fill('frost')
    await page.getByRole('link', { name: /Nine Degrees of Frost/ }).click()
    await page.getByRole('heading', { level: 1, name: 'Nine Degrees of Frost' }).waitFor()
    t.strictSame(await auditPage(page), [], 'a film')
    await page.getByRole('link', { name: 'Play', exact: true }).click()
    await when(page, `${VIDEO}?.currentTime > 1`)
    await page.evaluate(KEEP_ON)
    t.ok(await page.evaluate(`${VIDEO}.videoWidth > 0`), 'a picture')
    t.match(await page.evaluate(`${VIDEO}.src`), /^blob:/, 'by hls.js')
    t.strictSame(await auditPage(page), [], 'the player')

    await page.evaluate(MOVE_TO_20)
    await when(page, `${VIDEO}.currentTime > 20.5`)
    const picture = page.locator('.bubble img')
    t.match(await picture.getAttribute('src'), /\/pms\/library\/parts\/266002\/indexes\/sd\/20000$/)

    await page.getByLabel('Subtitles').selectOption({ label: 'Français (ASS)' })
    await when(page, `${VIDEO}.textTracks[0]?.cues?.length === 5`)
    t.equal(await page.evaluate(`${VIDEO}.textTracks[0].mode`), 'showing')
    t.equal(await page.evaluate(`${VIDEO}.textTracks[0].cues[0].text`), "L'horloge démarre toute seule.")

    const elsewhere = await cinema.usher.signedIn(FRIEND)
    const { sessions } = (await elsewhere.get('/session/sessions')).json
    const watching = sessions.find(({ current }: { current: boolean }) => !current)
    const ended = await elsewhere.ask(`/session/sessions/${watching.handle}`, { method: 'DELETE' })
    t.equal(ended.status, 204)
    const notice = page.getByRole('alert')
    await notice.waitFor()
    t.match(await notice.textContent(), /Playback has stopped.*ended on another device, or at Plex/)
    t.equal(await page.evaluate(`${VIDEO}.currentSrc === '' || ${VIDEO}.paused`), true)
    t.strictSame(await auditPage(page), [], 'the end')
    await page.getByRole('button', { name: 'Sign in again' }).click()
    await page.waitForURL('**/signin?**')
    t.equal(new URL(page.url()).searchParams.get('returnTo'), '/cinema/#/play/6002', 'and back to the film')
    t.strictSame(complaints, [])
    t.strictSame(refused, [], 'a shared user is refused nothing that the page needs')
    await page.context().close()
  })

  await t.test('plays a file as it is, and another sound through the transcoder', async (t) => {
    const { page, complaints } = await openPage(browser, { colorScheme: 'dark' })
    page.setDefaultTimeout(WAIT.timeout)
    await cinema.admit(page)
    await page.goto(`${cinema.url}#/play/6003?at=8000`)
    await when(page, `${VIDEO}?.currentTime > 8.5`)
    await page.evaluate(KEEP_ON)
    t.match(await page.evaluate(`${VIDEO}.src`), /\/pms\/library\/parts\/266003\/.*\.mp4$/)
    await page.getByLabel('Audio').selectOption({ label: 'Deutsch (AAC Mono)' })
    await when(page, `${VIDEO}.src.startsWith('blob:') && ${VIDEO}.currentTime > 9`)
    const asked = cinema.usher.simulator.received({ service: 'pms' }).map(({ url }) => url)
    t.ok(
      asked.some((url) => /session\/[^/]+\/audio-1\/\d+\.m4s/.test(url)),
      'the second sound'
    )

    await page.getByLabel('Quality').selectOption({ label: 'Small' })
    const isSmall = ({ url }: { url: string }) => /start\.m3u8.*maxVideoBitrate=50&/.test(url)
    const { simulator } = cinema.usher
    await until(() => simulator.received({ service: 'pms' }).some(isSmall), 'the small quality', WAIT.timeout)
    await when(page, `${VIDEO}.currentTime > 9`)

    await page.keyboard.press('Escape')
    await page.getByRole('link', { name: /^Resume at 0:/ }).waitFor()
    await page.getByRole('link', { name: 'Cinema' }).click()
    await page.getByRole('heading', { name: 'Continue Watching' }).waitFor()
    t.strictSame(await auditPage(page), [], 'home with something begun, in the dark')
    t.strictSame(complaints, [])
    await page.context().close()
  })

  await t.test('keeps the transcoder of a film that waits', async (t) => {
    const { page } = await openPage(browser)
    page.setDefaultTimeout(WAIT.timeout)
    await cinema.admit(page)
    await page.clock.install()
    await page.goto(`${cinema.url}#/play/6002?at=0`)
    await when(page, `${VIDEO}?.currentTime > 0.5`)
    const { simulator } = cinema.usher
    const pings = () =>
      simulator.received({ service: 'pms' }).filter(({ url }) => url.includes('/universal/ping?')).length
    await page.clock.fastForward(35_000)
    await page.evaluate(`${VIDEO}.pause()`)
    await page.clock.fastForward(35_000)
    await until(pings, 'a ping', WAIT.timeout)
    t.equal(pings(), 1, 'and none while it played')
    await page.context().close()
  })

  await t.test('shows what was asked for last, although the first page comes later', async (t) => {
    const { page } = await openPage(browser)
    await cinema.admit(page)
    const asked = Promise.withResolvers<void>()
    await page.route('**/pms/hubs?count=12', async (route) => {
      await asked.promise
      await route.continue()
    })
    await page.goto(cinema.url)
    await page.getByRole('link', { name: 'Search' }).click()
    await page.getByRole('searchbox').waitFor()
    const home = page.waitForResponse('**/pms/hubs?count=12')
    asked.resolve()
    await (await home).finished()
    await page.evaluate('new Promise((resolve) => setTimeout(resolve, 200))')
    t.equal(await page.getByRole('searchbox').count(), 1)
    await page.context().close()
  })

  await t.test('says what failed, and can try again', async (t) => {
    const { page, complaints } = await openPage(browser)
    page.setDefaultTimeout(WAIT.timeout)
    await cinema.admit(page)
    let isDown = true
    await page.route('**/session?*', (route) => (isDown ? route.abort() : route.continue()))
    await page.goto(`${cinema.url}#/search`)
    const warning = page.getByRole('alert')
    t.match(await warning.textContent(), /Is the line down/)
    t.strictSame(await auditPage(page), [])
    isDown = false
    await page.getByRole('button', { name: 'Try again' }).click()
    await page.route('**/hubs/search?*', (route) =>
      route.fulfill({
        status: 503,
        contentType: 'application/problem+json',
        body: JSON.stringify({ code: 'USHER_UPSTREAM_UNREACHABLE', detail: 'The server is away.' })
      })
    )
    await page.getByRole('searchbox').fill('frost')
    await page.getByText('The server is away.').waitFor()
    await page.getByRole('button', { name: 'Close' }).click()
    t.equal(await warning.count(), 0)
    t.notOk(
      complaints.some((line) => !line.includes('net::ERR_FAILED')),
      complaints.join()
    )
    await page.context().close()
  })

  await t.test('shows names that are markup as text', async (t) => {
    const { page, complaints } = await openPage(browser)
    page.setDefaultTimeout(WAIT.timeout)
    await cinema.admit(page)
    const hostile = '<img src=x onerror="document.title=1">'
    for (const path of ['**/pms/hubs?*', '**/pms/library/metadata/6002?*', '**/session?*'])
      await page.route(path, async (route) => {
        const response = await route.fetch()
        const body = JSON.stringify(await response.json(), (key, value) =>
          /^(?:title|summary|tagline|tag|role|grandparentTitle|contentRating|displayTitle)$/.test(key) &&
          typeof value === 'string' &&
          value !== 'owner'
            ? hostile
            : value
        )
        await route.fulfill({ response, body })
      })
    for (const place of ['#/', '#/title/6002', '#/play/6002']) {
      await page.goto(cinema.url + place)
      await page.reload()
      await page.getByRole('heading', { level: 1, name: hostile }).waitFor()
      t.equal(await page.evaluate("document.querySelectorAll('[src=x]').length"), 0, place)
    }
    t.strictSame(complaints, [])
    await page.context().close()
  })

  await t.test('changes the profile and ends another device', async (t) => {
    const { page } = await openPage(browser)
    page.setDefaultTimeout(WAIT.timeout)
    await cinema.admit(page)
    const other = await cinema.usher.signedIn()
    await page.goto(`${cinema.url}#/devices`)
    await page
      .getByRole('button', { name: /^End the session/ })
      .first()
      .waitFor()
    t.strictSame(await auditPage(page), [], 'devices')
    const ends = page.getByRole('button', { name: /^End the session/ })
    for (let left = await ends.count(); left > 0; left -= 1) {
      await ends.first().click()
      await when(page, `document.querySelectorAll('.rows li').length === ${left}`)
    }
    t.equal((await other.get('/session')).status, 401)

    await page.getByRole('button', { name: 'simuser' }).click()
    await page.getByRole('button', { name: /^Kid/ }).click()
    t.strictSame(await auditPage(page), [], 'the PIN')
    await page.getByLabel('PIN', { exact: true }).fill('1234')
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByRole('button', { name: 'Kid' }).waitFor()
    await page.context().close()
  })
  await t.test(
    'shows the first posters of a slow line with little, and the second time with next to nothing',
    async (t) => {
      // Times are in examples/cinema/README.md: on a busy machine they would say little about the page.
      cinema.usher.simulator.modes.set({ pictureBytes: 24_000 })
      const { page } = await openPage(browser, PHONE)
      await cinema.admit(page, FRIEND)
      const first = await visitSlowly(page, cinema.url)
      t.ok(first.bytes < 250_000, `${first.bytes} bytes before the posters are there`)
      t.ok(first.urls.length < 20, `${first.urls.length} requests`)
      t.notOk(
        first.urls.some((url) => url.includes('/player-')),
        'the player waits until a film is looked at'
      )
      await until(() => first.pictures.size === 0, 'the posters beyond the screen')
      const again = await page.context().newPage()
      await page.close()
      const second = await visitSlowly(again, cinema.url)
      t.ok(second.bytes < 20_000, `${second.bytes} bytes the second time`)
      t.strictSame(
        second.urls.filter((url) => !/\/cinema\/$|\/pms\/hubs|\/session\?/.test(url)),
        [],
        'only what changes is asked for'
      )
      await again.context().close()
    }
  )
})
