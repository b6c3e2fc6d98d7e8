import { once } from 'node:events'
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { freePort } from '../support/ports.ts'
import { FRIEND, PASSWORD, startTestUsher, type TestUsher } from '../support/usher.ts'
import { launchBrowser, openPage, skipWithoutChromium } from './support/browser.ts'

t.setTimeout(300_000) // Chromium on a busy machine: slow, not stuck.

const PICTURE = '/pms/library/metadata/1001/thumb/1745854354'
/** Never shown before, so that no cache answers in Usher's place. */
const OTHER_PICTURE = '/pms/library/metadata/1002/thumb/1745854354'
const CLIP = '/pms/library/parts/221640/1745854354/clip.mp4'
const EVENTS = '/pms/:/eventsource/notifications?filters='

/** Fields that a browser sent, by path, in the order of the requests. */
type Seen = { readonly path: string; readonly headers: IncomingMessage['headers'] }[]

type Answer = (request: IncomingMessage, response: ServerResponse) => void

async function serve(t: Test, port: number, answer: Answer): Promise<void> {
  const server = createServer(answer).listen(port, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
}

function page(body: string): Answer {
  return (_request, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8')
    response.end(`<!doctype html><title>Page</title>${body}`)
  }
}

/** A reverse proxy that notes what the browser sent, and serves these paths itself. */
function passOn(usher: TestUsher, seen: Seen, own: Readonly<Record<string, Answer>> = {}): Answer {
  const { port } = new URL(usher.publicUrl)
  return (request, response) => {
    const path = request.url ?? ''
    seen.push({ path, headers: request.headers })
    const answer = own[path]
    if (answer !== undefined) return answer(request, response)
    const { method, headers } = request
    const onward = httpRequest({ host: '127.0.0.1', port, path, method, headers, agent: false })
    onward.on('error', () => response.destroy())
    onward.on('response', (upstream) => {
      response.writeHead(upstream.statusCode ?? 502, upstream.rawHeaders)
      upstream.on('error', () => response.destroy())
      upstream.pipe(response)
    })
    response.on('close', () => onward.destroy())
    request.pipe(onward)
  }
}

async function signIn(target: Page, address: string): Promise<void> {
  await target.goto(`${address}/signin`)
  await target.getByRole('button', { name: /^With a password/ }).click()
  await target.getByLabel('E-mail address or username').fill(FRIEND)
  await target.getByLabel('Plex password').fill(PASSWORD)
  await target.getByRole('button', { name: /^Sign in/ }).click()
  await target.getByRole('heading', { name: 'You are signed in', level: 1 }).waitFor()
}

interface Shown {
  readonly picture: number
  readonly film: number
  readonly event: string
  readonly read: string
}

/** In a page: shows a picture, plays a film, opens an event stream and reads JSON, all from `base`. */
function show(target: Page, base: string, picture = PICTURE): Promise<Shown> {
  return target.evaluate(`(${SHOW})(${JSON.stringify({ base, PICTURE: picture, CLIP, EVENTS })})`)
}

const SHOW = `async ({ base, PICTURE, CLIP, EVENTS }) => {
  const within = (what) => Promise.race([what, new Promise((done) => setTimeout(done, 60000, null))])
  const picture = await within(new Promise((done) => {
    const image = new Image()
    image.onload = () => done(image.naturalWidth)
    image.onerror = () => done(0)
    image.src = base + PICTURE
  }))
  const film = await within(new Promise((done) => {
    const video = document.createElement('video')
    video.onloadedmetadata = () => done(video.duration)
    video.onerror = () => done(0)
    video.src = base + CLIP
  }))
  const event = await within(new Promise((done) => {
    const source = new EventSource(base + EVENTS, { withCredentials: true })
    source.onopen = () => { source.close(); done('open') }
    source.onerror = () => { source.close(); done('error') }
  }))
  const read = await fetch(base + '/pms/library/sections/1/all?X-Plex-Container-Start=0&X-Plex-Container-Size=2', { credentials: 'include', headers: { accept: 'application/json' } })
    .then((answer) => answer.status + ' ' + answer.headers.get('x-plex-container-total-size'), () => 'error')
  return { picture, film, event, read }
}`

t.test('a page with a service worker signs in by redirect', { skip: skipWithoutChromium }, async (t) => {
  const port = await freePort()
  const address = `http://127.0.0.1:${port}`
  const usher = await startTestUsher(t, {
    settings: { USHER_PUBLIC_URL: address, USHER_PORT: String(await freePort()) }
  })
  const seen: Seen = []
  await serve(
    t,
    port,
    passOn(usher, seen, {
      '/app': page('<h1>App</h1><a href="/session/login?returnTo=/app">Sign in</a>'),
      '/worker.js': (_request, response) => {
        response.setHeader('content-type', 'text/javascript')
        response.end(
          `oninstall = () => skipWaiting()
           onactivate = (event) => event.waitUntil(clients.claim())
           onfetch = (event) => event.respondWith(fetch(event.request))`
        )
      }
    })
  )
  const { page: app } = await openPage(await launchBrowser(t))
  await app.goto(`${address}/app`)
  await app.evaluate(
    `navigator.serviceWorker.register('/worker.js').then(() => navigator.serviceWorker.ready)`
  )
  await app.waitForFunction('navigator.serviceWorker.controller !== null')
  await app.getByRole('link', { name: 'Sign in' }).click()
  await app.getByRole('button', { name: 'Sign in as friend' }).click()
  await app.waitForURL(`${address}/app`)
  t.equal(await app.evaluate(`fetch('/session').then((answer) => answer.status)`), 200)
  const navigations = seen.filter(({ path }) => /^\/session\/(?:login|callback)/.test(path))
  t.equal(navigations.length, 2)
  for (const { path, headers } of navigations) {
    t.equal(headers['sec-fetch-mode'], 'navigate', path)
    t.equal(headers['sec-fetch-dest'], 'empty', `${path}: this is the service worker's own way`)
  }
})

t.test('a browser on plain HTTP signs in, reads and plays', { skip: skipWithoutChromium }, async (t) => {
  const port = await freePort()
  const address = `http://usher.lan:${port}`
  const usher = await startTestUsher(t, {
    settings: {
      USHER_PUBLIC_URL: address,
      USHER_ALLOW_HTTP: 'true',
      USHER_PORT: String(await freePort()),
      USHER_TRUSTED_PROXIES: ''
    }
  })
  const seen: Seen = []
  await serve(t, port, passOn(usher, seen, { '/app': page('<h1>App</h1>') }))
  const browser = await launchBrowser(t, {
    flags: [
      '--host-resolver-rules=MAP usher.lan 127.0.0.1',
      '--disable-features=HttpsUpgrades,HttpsFirstBalancedModeAutoEnable'
    ]
  })
  const { page: app } = await openPage(browser)
  await signIn(app, address)
  await app.goto(`${address}/app`)
  const { picture, film, event, read } = await show(app, '')
  t.ok(picture > 0, 'a picture')
  t.ok(film > 20, 'a film of 24 seconds')
  t.equal(event, 'open')
  t.match(read, /^200 /)
  const changes = `fetch('/pms/:/scrobble?key=1001&identifier=com.plexapp.plugins.library')`
  t.equal(
    await app.evaluate(`${changes}.then((answer) => answer.status)`),
    403,
    'a GET that changes needs proof'
  )
  const proven = `fetch('/pms/:/scrobble?key=1001&identifier=com.plexapp.plugins.library', { headers: { 'X-Usher': '1' } })`
  t.equal(await app.evaluate(`${proven}.then((answer) => answer.status)`), 200)
  t.ok(seen.length > 8)
  for (const { path, headers } of seen)
    t.notOk('sec-fetch-site' in headers, `${path} came without Fetch Metadata`)
})

t.test(
  'a frontend on an allowed sibling origin shows and plays',
  { skip: skipWithoutChromium },
  async (t) => {
    const [port, front, other] = [await freePort(), await freePort(), await freePort()]
    const address = `http://usher.home.localhost:${port}`
    const frontend = `http://app.home.localhost:${front}`
    const usher = await startTestUsher(t, {
      settings: {
        USHER_PUBLIC_URL: address,
        USHER_PORT: String(await freePort()),
        USHER_ALLOWED_ORIGINS: frontend
      }
    })
    const seen: Seen = []
    await serve(t, port, passOn(usher, seen))
    await serve(t, front, page('<h1>Frontend</h1>'))
    await serve(t, other, page('<h1>Somebody else</h1>'))
    const { page: app } = await openPage(await launchBrowser(t))
    await signIn(app, address)
    await app.goto(`${frontend}/`)
    seen.length = 0
    const { picture, film, event, read } = await show(app, address)
    t.ok(picture > 0, 'a picture')
    t.ok(film > 20, 'a film of 24 seconds')
    t.equal(event, 'open')
    t.match(read, /^200 \d+$/, 'an exposed field can be read')
    const shown = seen.find(({ path }) => path === PICTURE)
    t.equal(shown?.headers['sec-fetch-site'], 'same-site')
    t.equal(shown?.headers.origin, undefined)

    await app.goto(`http://other.home.localhost:${other}/`)
    t.strictSame(
      await show(app, address, OTHER_PICTURE),
      { picture: 0, film: 0, event: 'error', read: 'error' },
      'nor does any other'
    )
  }
)
