import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { rolldown } from 'rolldown'
import t from 'tap'
import { launchBrowser, openPage, skipWithoutChromium } from '../e2e/support/browser.ts'
import { until } from '../support/until.ts'
import { FRIEND, OWNER, PASSWORD, startTestUsher } from '../support/usher.ts'

t.setTimeout(600_000) // Chromium on a busy machine: slow, not stuck.

const HLS = /\/pms\/video\/:\/transcode\/universal\/start\.m3u8\?/

/** Every call of the client once, in whichever place imports it; its results as JSON. */
const EXERCISE = `
import { createClient, UsherError } from './client.js'
export async function exercise(url) {
  const usher = createClient(url === '' ? {} : { url })
  const ended = []
  usher.onSessionEnd(({ code }) => ended.push(code))
  const before = await usher.session()
  const login = { login: '${FRIEND}', password: '${PASSWORD}' }
  const wrong = await usher.signInWithPassword({ ...login, password: 'no' }).catch((error) => error)
  const session = await usher.signInWithPassword(login)
  const sections = await (await usher.pms.fetch('/library/sections', { headers: { accept: 'application/json' } })).json()
  const picture = await fetch(usher.image('/library/metadata/6001/thumb/1', { width: 60, height: 90, dpr: 2 }), { credentials: 'include' })
  const film = await usher.play('6002')
  const playlist = await (await fetch(film.url, { credentials: 'include' })).text()
  const preview = await fetch(film.preview(8200), { credentials: 'include' })
  const subtitles = await (await fetch(film.subtitles[0].url, { credentials: 'include' })).text()
  film.keepAlive()
  film.stop()
  const cast = await usher.castAddress('/library/metadata/6002', 'hls')
  const receiver = await fetch(cast.url, { credentials: 'omit' })
  const file = await usher.play('6003')
  await usher.timeline({ ratingKey: '6002', state: 'stopped', time: 5000, duration: 32000 })
  const denied = await usher.pms.fetch('/:/prefs').catch((error) => error)
  const sessions = await usher.sessions()
  const unknown = await usher.endSession('nobody').catch((error) => error)
  const result = {
    before, ended: [...ended], username: session.account.username,
    wrong: [wrong instanceof UsherError, wrong.code], denied: denied.code, unknown: unknown.code,
    sections: sections.MediaContainer.size, picture: [picture.status, picture.headers.get('content-type')],
    film: { kind: film.kind, url: film.url, audio: film.audio, scenes: film.scenes.length, languages: film.subtitles.map(({ language }) => language) },
    playlist, receiver: receiver.status, preview: preview.headers.get('content-type'), subtitles, file: { kind: file.kind, startAt: file.startAt },
    servers: (await usher.servers()).length, current: sessions[0].current, startAt: (await usher.play('6002')).startAt
  }
  await usher.signOut()
  return { ...result, after: await usher.session(), endedAfter: ended }
}
`
const WORKER = `
import { exercise } from './exercise.js'
addEventListener('install', () => skipWaiting())
addEventListener('message', ({ data, source }) => {
  exercise(data).then((result) => source.postMessage(result), (error) => source.postMessage(String(error.stack)))
})
`
const ASK_WORKER = (url: string): string => `(async () => {
  await navigator.serviceWorker.register('./worker.js', { type: 'module' })
  const { active } = await navigator.serviceWorker.ready
  const answer = new Promise((resolve) => navigator.serviceWorker.addEventListener('message', ({ data }) => resolve(data)))
  navigator.serviceWorker.startMessages()
  active.postMessage('${url}')
  return answer
})()`

async function bundleClient(): Promise<string> {
  const bundle = await rolldown({ input: join(import.meta.dirname, '../../client/src/client.ts') })
  const { output } = await bundle.generate({ format: 'esm' })
  await bundle.close()
  return output[0].code
}

t.test('the client in Chromium', { skip: skipWithoutChromium }, async (t) => {
  const files: Readonly<Record<string, readonly [type: string, text: string]>> = {
    '/app/': ['text/html', '<!doctype html><title>App</title>'],
    '/app/client.js': ['text/javascript', await bundleClient()],
    '/app/exercise.js': ['text/javascript', EXERCISE],
    '/app/worker.js': ['text/javascript', WORKER]
  }
  // A frontend of another origin, as files of its own.
  const frontend = createServer((request, response) => {
    const [type, text] = files[(request.url ?? '').replace(/\?.*/, '')] ?? ['text/plain', '']
    response.writeHead(text === '' ? 404 : 200, { 'content-type': type }).end(text)
  }).listen(0, '127.0.0.1')
  await once(frontend, 'listening')
  t.teardown(() => frontend.close().closeAllConnections())
  const other = `http://127.0.0.1:${(frontend.address() as AddressInfo).port}`

  const usher = await startTestUsher(t, {
    settings: { USHER_ALLOWED_ORIGINS: other, USHER_ALLOWED_RETURN_ORIGINS: other }
  })
  const { simulator } = usher
  simulator.modes.set({ library: 'small' })
  const browser = await launchBrowser(t)

  /** A page of Usher's own origin, or of the other one. */
  async function open(origin: string): Promise<Page> {
    const { page } = await openPage(browser)
    page.setDefaultTimeout(60_000)
    if (origin === usher.publicUrl) {
      // Of the context, because a worker's own script is asked by no page.
      await page.context().route('**/app/**', (route) => {
        const [contentType, body] = files[new URL(route.request().url()).pathname] ?? ['text/plain', '']
        return route.fulfill({ contentType, body })
      })
    }
    await page.goto(`${origin}/app/`)
    return page
  }

  async function signedIn(origin: string, login: string): Promise<Page> {
    const page = await open(origin)
    const { jar } = await usher.signedIn(login)
    await page.context().addCookies([...jar].map(([name, value]) => ({ name, value, url: usher.publicUrl })))
    return page
  }

  const places = [
    ['a page of Usher’s origin', usher.publicUrl, "import('./exercise.js').then((m) => m.exercise(''))"],
    [
      'a page of an allowed origin',
      other,
      `import('./exercise.js').then((m) => m.exercise('${usher.publicUrl}'))`
    ],
    ['a service worker of Usher’s origin', usher.publicUrl, ASK_WORKER('')],
    ['a service worker of an allowed origin', other, ASK_WORKER(usher.publicUrl)]
  ] as const

  for (const [place, origin, script] of places) {
    await t.test(`every call works in ${place}`, async (t) => {
      const page = await open(origin)
      const result = await page.evaluate(script)
      t.match(result, {
        before: null,
        username: 'friend',
        wrong: [true, 'USHER_CREDENTIALS_REJECTED'],
        denied: 'USHER_PATH_DENIED',
        unknown: 'USHER_INVALID_REQUEST',
        sections: 2,
        picture: [200, 'image/webp'],
        film: { kind: 'hls', url: HLS, audio: [{ language: 'English', selected: true }], scenes: 5 },
        playlist: /^#EXTM3U/,
        receiver: 200,
        preview: 'image/jpeg',
        subtitles: /^WEBVTT/,
        file: { kind: place.startsWith('a service worker') ? 'hls' : 'file' },
        servers: 2,
        current: true,
        startAt: 5000,
        after: null
      })
      t.notMatch(JSON.stringify(result), /sim-[a-z]{3}-tok|X-Plex-Token/i, 'no token')
      await page.context().close()
    })
  }

  for (const [place, origin] of [places[0], places[1]]) {
    // Not the account of the exercise, because sign-ins are limited for each.
    const login = OWNER
    const time = origin === other ? 7000 : 9000
    const url = origin === usher.publicUrl ? '' : usher.publicUrl
    const client = `import('./client.js').then(({ createClient }) => createClient(${JSON.stringify(url ? { url } : {})}))`

    await t.test(`in ${place} events arrive, and the last one ends the session`, async (t) => {
      const page = await signedIn(origin, login)
      await page.evaluate(`${client}.then((usher) => {
        globalThis.heard = []
        globalThis.ended = []
        usher.onSessionEnd(({ code }) => ended.push(code))
        usher.notifications().on('playing', (data) => heard.push(data))
      })`)
      await until(() => simulator.pms.streams() > 0, 'the stream is open', 60_000)
      simulator.pms.push('playing', { ratingKey: '6001' })
      await until(() => page.evaluate<number>('heard.length'), 'an event', 60_000)
      const elsewhere = await usher.signedIn(login)
      const { sessions } = (await elsewhere.get('/session/sessions')).json
      for (const { handle, current } of sessions)
        if (!current) await elsewhere.ask(`/session/sessions/${handle}`, { method: 'DELETE' })
      await until(() => page.evaluate<number>('ended.length'), 'the end', 60_000)
      t.strictSame(await page.evaluate('ended'), ['USHER_SESSION_REVOKED'])
      await page.context().close()
    })

    await t.test(`in ${place} a stream that cannot come back tells that the session has ended`, async (t) => {
      const page = await signedIn(origin, login)
      let isCut = true
      await page.route('**/eventsource/**', (route) => (isCut ? route.abort() : route.continue()))
      await page.evaluate(`${client}.then((usher) => {
        globalThis.ended = []
        usher.onSessionEnd(({ code }) => ended.push(code))
        usher.notifications()
      })`)
      await page.evaluate(
        `fetch('${usher.publicUrl}/session/logout', { method: 'POST', credentials: 'include' })`
      )
      isCut = false
      await until(() => page.evaluate<number>('ended.length'), 'the end', 60_000)
      t.strictSame(await page.evaluate('ended'), ['USHER_SESSION_REQUIRED'])
      await page.context().close()
    })

    await t.test(`in ${place} a page that is left reports by beacon`, async (t) => {
      const page = await signedIn(origin, login)
      await page.evaluate(`${client}.then((usher) =>
        addEventListener('pagehide', () => usher.timeline({ ratingKey: '6005', state: 'stopped', time: ${time}, duration: 40000 })))`)
      simulator.clearReceived()
      await page.goto('about:blank')
      await until(() => simulator.pms.watched('owner', '6005').viewOffset === time, 'the report', 60_000)
      const [report] = simulator.received({ service: 'pms' }).filter(({ url }) => url.includes('/:/timeline'))
      t.equal(report?.method, 'POST')
      await page.context().close()
    })

    await t.test(`in ${place} signing in leads to the page and names the way back`, async (t) => {
      const page = await open(origin)
      await page.evaluate(`${client}.then((usher) => usher.signIn({ returnTo: '/app/?a=1#/title/6001' }))`)
      await page.waitForURL('**/signin?**')
      const wanted = url === '' ? '/app/?a=1#/title/6001' : `${other}/app/?a=1#/title/6001`
      t.equal(new URL(page.url()).searchParams.get('returnTo'), wanted)
      await page.context().close()
    })
  }
})
