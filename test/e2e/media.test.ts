import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { FRIEND, startTestUsher, type TestUsher } from '../support/usher.ts'
import { launchBrowser, openPage, skipWithoutChromium } from './support/browser.ts'

t.setTimeout(600_000) // Chromium on a busy machine: slow, not stuck.

const CLIP = '/pms/library/parts/221640/1745854354/clip.mp4'
const HLS =
  '/pms/video/:/transcode/universal/start.m3u8?path=%2Flibrary%2Fmetadata%2F1003&protocol=hls&session=e2e'

/** A page of Usher's own origin with one player, signed in as a friend that the server is shared with. */
async function openPlayer(t: Test, usher: TestUsher, source: string): Promise<Page> {
  const { page } = await openPage(await launchBrowser(t))
  const { jar } = await usher.signedIn(FRIEND)
  await page.context().addCookies([...jar].map(([name, value]) => ({ name, value, url: usher.publicUrl })))
  await page.route('**/player', (route) =>
    route.fulfill({
      contentType: 'text/html',
      body: `<!doctype html><title>Player</title><video muted preload="auto" src="${source}"></video>`
    })
  )
  await page.goto(`${usher.publicUrl}/player`)
  return page
}

t.test('Chromium through Usher', { skip: skipWithoutChromium }, async (t) => {
  await t.test('plays a part directly and seeks in it by range', async (t) => {
    const usher = await startTestUsher(t)
    const page = await openPlayer(t, usher, CLIP)
    const film = await page.evaluate(PLAY_AND_SEEK)
    t.match(film, { width: Number, duration: Number, failed: null })
    t.ok(film.width > 0 && film.duration > 20, 'a picture of a film of 24 seconds')
    t.ok(film.sought >= 20, 'it shows what is at 20 seconds')
    const asked = usher.simulator.received({ service: 'pms' }).filter(({ url }) => url.includes('clip.mp4'))
    t.ok(
      asked.some(({ status }) => status === 206),
      'the media server was asked by range'
    )
  })

  await t.test('plays an HLS stream whose playlists lead on by relative addresses', async (t) => {
    const usher = await startTestUsher(t)
    const page = await openPlayer(t, usher, HLS)
    const film = await page.evaluate(PLAY_ON)
    t.equal(film.failed, null)
    t.ok(film.reached >= 5, 'it plays on into the second segment')
    const asked = usher.simulator.received({ service: 'pms' }).map(({ url }) => url)
    for (const piece of ['start.m3u8', 'session/e2e/base/index.m3u8', 'base/00000.ts', 'base/00001.ts']) {
      t.ok(
        asked.some((url) => url.includes(piece)),
        `${piece} came by way of Usher`
      )
    }
  })
})

t.test('Chromium after a sign-out', { skip: skipWithoutChromium }, async (t) => {
  const usher = await startTestUsher(t)
  const { page } = await openPage(await launchBrowser(t))
  const { jar } = await usher.signedIn(FRIEND)
  await page.context().addCookies([...jar].map(([name, value]) => ({ name, value, url: usher.publicUrl })))
  const document = `${usher.publicUrl}/pms/library/metadata/4001`
  await page.goto(document)
  t.match(await page.evaluate('document.documentElement.outerHTML'), '千と千尋の神隠し')
  await page.goto(`${usher.publicUrl}/signin`)
  t.equal(
    await page.evaluate("fetch('/session/logout', { method: 'POST' }).then(({ status }) => status)"),
    204
  )
  await page.goBack()
  t.equal(page.url(), document)
  const shown = await page.evaluate('document.documentElement.outerHTML')
  t.notMatch(shown, '千と千尋の神隠し', 'the back button shows nothing of the library')
  t.match(shown, 'USHER_SESSION')
})

/** In the page: plays, jumps to 20 s, and tells what is shown there. */
const PLAY_AND_SEEK = `new Promise((resolve) => {
  const video = document.querySelector('video')
  const tell = (failed) => resolve({ failed, width: video.videoWidth, duration: video.duration, sought: video.currentTime })
  video.addEventListener('error', () => tell(video.error.message))
  const seek = () => {
    video.addEventListener('seeked', () => video.play().then(() => tell(null), (error) => tell(String(error))))
    video.currentTime = 20
  }
  if (video.readyState >= 1) seek()
  else video.addEventListener('loadedmetadata', seek)
})` as unknown as () => { failed: string | null; width: number; duration: number; sought: number }

/** In the page: plays until five seconds have been shown. */
const PLAY_ON = `new Promise((resolve) => {
  const video = document.querySelector('video')
  const tell = (failed) => resolve({ failed, reached: video.currentTime })
  video.addEventListener('error', () => tell(video.error.message))
  video.addEventListener('timeupdate', () => video.currentTime >= 5 && tell(null))
  video.play().catch((error) => tell(String(error)))
})` as unknown as () => { failed: string | null; reached: number }
