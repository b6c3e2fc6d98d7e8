import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { BrowserContext } from 'playwright-core'
import t, { type Test } from 'tap'
import { FRIEND, startTestUsher, type TestUsher } from '../support/usher.ts'
import { launchBrowser, openPage, skipWithoutChromium } from './support/browser.ts'

t.setTimeout(600_000) // Chromium on a busy machine: slow, not stuck.

const POSTERS = 500

async function signIn(context: BrowserContext, usher: TestUsher): Promise<void> {
  const { jar } = await usher.signedIn(FRIEND)
  await context.addCookies([...jar].map(([name, value]) => ({ name, value, url: usher.publicUrl })))
}

/** Shows a wall of posters on a page of Usher's own; resolves with how many could be shown. */
const WALL = `Promise.all(Array.from({ length: ${POSTERS} }, (_, at) => new Promise((resolve) => {
  const picture = new Image()
  picture.onload = () => resolve(1)
  picture.onerror = () => resolve(0)
  picture.src = '/pms/photo/:/transcode?width=120&height=180&url=' +
    encodeURIComponent('/library/metadata/' + (1001 + (at % 60)) + '/thumb/' + (1700000000 + at))
  document.body.append(picture)
}))).then((shown) => shown.reduce((sum, one) => sum + one, 0))` as unknown as () => number

t.test('Chromium on a slow line', { skip: skipWithoutChromium }, async (t) => {
  const usher = await startTestUsher(t, { settings: { USHER_COMPRESS: 'true' } })
  const { page, complaints } = await openPage(await launchBrowser(t))
  await signIn(page.context(), usher)

  const first = await page.goto(`${usher.publicUrl}/signin`)
  t.equal(first?.headers()['content-encoding'], 'zstd', 'on loopback it takes that too')
  const answered = page.waitForResponse(/sections\/1\/all/)
  const films = await page.evaluate(
    `fetch('/pms/library/sections/1/all', { headers: { accept: 'application/json' } })
      .then((answer) => answer.json()).then(({ MediaContainer }) => MediaContainer.Metadata.length)` as unknown as () => number
  )
  t.ok(films > 10, `${films} films`)
  t.match((await answered).headers(), { 'content-encoding': 'zstd', vary: 'Accept-Encoding' })

  const asked = () =>
    usher.simulator.received({ service: 'pms' }).filter(({ url }) => url.includes('/photo/')).length
  t.equal(await page.evaluate(WALL), POSTERS)
  const before = asked()
  t.equal(before, POSTERS)
  const second = await page.context().newPage()
  await second.goto(`${usher.publicUrl}/signin`)
  t.equal(await second.evaluate(WALL), POSTERS)
  t.equal(asked() - before, 0, 'the second visit asks for nothing')
  t.strictSame(complaints, [])
})

/** A receiver on an origin of its own, which knows an address and nothing else. */
async function startReceiver(t: Test): Promise<string> {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html' })
    response.end('<!doctype html><title>Receiver</title><video muted crossorigin="anonymous"></video>')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://localhost:${(server.address() as AddressInfo).port}/`
}

const play = (url: string) =>
  `new Promise((resolve) => {
  const video = document.querySelector('video')
  const tell = (failed) => resolve({ failed, reached: video.currentTime })
  video.addEventListener('error', () => tell(video.error.message))
  video.addEventListener('timeupdate', () => {
    if (video.currentTime < 1) return
    // Only a picture that another origin may read can be drawn and read again.
    const canvas = document.createElement('canvas')
    canvas.getContext('2d').drawImage(video, 0, 0)
    try { canvas.getContext('2d').getImageData(0, 0, 1, 1); tell(null) } catch (error) { tell(String(error)) }
  })
  video.src = ${JSON.stringify(url)}
  video.play().catch((error) => tell(String(error)))
})` as unknown as () => { failed: string | null; reached: number }

t.test(
  'a receiver in Chromium, on another origin and without the cookie',
  { skip: skipWithoutChromium },
  async (t) => {
    const usher = await startTestUsher(t)
    const person = await usher.signedIn(FRIEND)
    const { page, complaints } = await openPage(await launchBrowser(t))
    const receiver = await startReceiver(t)
    for (const [path, kind] of [
      ['/library/parts/221640/1745854354/clip.mp4', 'part'],
      ['/library/metadata/1003', 'hls']
    ] as const) {
      const { url } = (await person.post('/session/playback', { path, kind })).json
      await page.goto(receiver)
      const film = await page.evaluate(play(url))
      t.equal(film.failed, null, kind)
      t.ok(film.reached >= 1)
      const read = `fetch(${JSON.stringify(url)}, { headers: { range: 'bytes=0-9' } }).then(({ status }) => status)`
      t.match(await page.evaluate(read), kind === 'part' ? 206 : 200)
    }
    t.strictSame(complaints, [])
    t.match(
      await page.evaluate(
        `fetch('${usher.publicUrl}/pms/library/sections').then(({ status }) => status, String)`
      ),
      /TypeError/,
      'without the token it may read nothing'
    )
  }
)
