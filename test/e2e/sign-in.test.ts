import Fastify from 'fastify'
import type { BrowserContext, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { PASSWORD, startTestUsher, type TestUsher, type TestUsherOptions } from '../support/usher.ts'
import { launchBrowser, openPage, skipWithoutChromium } from './support/browser.ts'

const heading = (t: Test, page: Page, name: string) =>
  t.resolves(page.getByRole('heading', { name, level: 1 }).waitFor(), `goes on at: ${name}`)
const alert = (t: Test, page: Page, words: string) =>
  t.resolves(page.getByRole('alert').filter({ hasText: words }).waitFor(), `says: ${words}`)
const press = (page: Page, name: string) => page.getByRole('button', { name: new RegExp(`^${name}`) }).click()

async function signInByPassword(page: Page, login: string): Promise<void> {
  await press(page, 'With a password')
  await page.getByLabel('E-mail address or username').fill(login)
  await page.getByLabel('Plex password').fill(PASSWORD)
  await press(page, 'Sign in')
}

/** The account as the browser's session shows it. */
async function signedInAs({ publicUrl }: TestUsher, page: Page): Promise<string> {
  await page.goto(`${publicUrl}/session/account`)
  return page.locator('body').innerText()
}

interface Watch {
  /** Every address, page, script, answer and readable store of the context that holds something secret. */
  leaks(): Promise<string[]>
}

/** As a secret would look where somebody packed it: at each of the three places in a base64 text, and in hex. */
function encodings(secret: string): string[] {
  const base64 = [0, 1, 2].map((shift) =>
    Buffer.from('x'.repeat(shift) + secret)
      .toString('base64url')
      .slice(shift === 0 ? 0 : 4, -4)
  )
  return [...base64, Buffer.from(secret).toString('hex')]
}

/** Collects what the browser could see of Usher, to be searched for what it must not see. */
function watchContext(context: BrowserContext, { simulator, publicUrl }: TestUsher): Watch {
  const seen: { place: string; text: string }[] = []
  const reading: Promise<unknown>[] = []
  context.on('response', (response) => {
    const url = response.url()
    if (!url.startsWith(publicUrl)) return
    seen.push({ place: `address ${url}`, text: url })
    const told = response.request().postData() ?? ''
    if (!told.includes(PASSWORD)) seen.push({ place: `question to ${url}`, text: told })
    reading.push(
      response.headersArray().then(
        (headers) => {
          for (const { name, value } of headers)
            seen.push({ place: `${name} of ${url}`, text: `${value} ${decodeURIComponent(value)}` })
        },
        () => undefined
      )
    )
    // A redirect has no body to read, and a page that is left takes its answers with it.
    reading.push(
      response.text().then(
        (text) => seen.push({ place: `answer of ${url}`, text }),
        () => undefined
      )
    )
  })
  return {
    async leaks() {
      await Promise.all(reading)
      for (const page of context.pages().filter((page) => page.url().startsWith(publicUrl))) {
        const stores =
          'JSON.stringify([document.cookie, {...localStorage}, {...sessionStorage}, history.state])'
        const kept = String(await page.evaluate(stores))
        // Not even a sealed value: what scripts cannot read they cannot send away.
        if (kept !== '["",{},{},null]') seen.push({ place: `stores ${kept}`, text: PASSWORD })
        seen.push({ place: 'document', text: await page.content() })
      }
      if (!seen.some(({ text }) => text.includes('Sign in with Plex'))) throw new Error('nothing was watched')
      const ids = simulator.pins.list().map(({ id }) => String(id))
      const plain = [...simulator.secrets(), ...ids, PASSWORD]
      const secrets = [...plain, ...plain.filter((each) => each.length > 12).flatMap(encodings)]
      return seen.flatMap(({ place, text }) =>
        secrets.filter((secret) => text.includes(secret)).map(() => place)
      )
    }
  }
}

t.setTimeout(600_000) // Chromium on a busy machine: slow, not stuck.

t.test('signing in with Chromium at a real Usher', { skip: skipWithoutChromium }, async (t) => {
  const browser = await launchBrowser(t)

  async function start(t: Test, options: TestUsherOptions & { path?: string } = {}) {
    const usher = await startTestUsher(t, options)
    const { page, complaints } = await openPage(browser)
    t.teardown(() => page.context().close())
    const watch = watchContext(page.context(), usher)
    await page.goto(`${usher.publicUrl}${options.path ?? '/signin'}`)
    return { usher, page, complaints, watch }
  }

  t.test(
    'rule 36: the redirect leads over the profiles to the deep link; nothing secret is seen',
    async (t) => {
      const { usher, page, complaints, watch } = await start(t, { path: '/signin?returnTo=/openapi.json' })
      await press(page, 'Sign in with Plex')
      await press(page, 'Sign in as owner')
      await heading(t, page, 'Who is watching?')
      await press(page, 'Continue as ')
      await page.waitForURL(`${usher.publicUrl}/openapi.json`)
      t.match(await signedInAs(usher, page), 'simuser')
      t.strictSame(await watch.leaks(), [])
      t.strictSame(complaints, [])
    }
  )

  t.test('three tabs that begin a sign-in each end where they wanted to', async (t) => {
    const usher = await startTestUsher(t)
    const { page: first } = await openPage(browser)
    const context = first.context()
    t.teardown(() => context.close())
    const tabs = [first, await context.newPage(), await context.newPage()]
    for (const [index, tab] of tabs.entries()) {
      await tab.goto(`${usher.publicUrl}/session/login?returnTo=/openapi.json?tab=${index}`)
      await tab.waitForURL(`${usher.simulator.plexUrl}/auth**`)
    }
    // The person signs in once, in the second tab; the others notice at Plex, and go back.
    await press(tabs[1] ?? first, 'Sign in as friend')
    await tabs[1]?.waitForURL(`${usher.publicUrl}/openapi.json?tab=1`)
    for (const index of [2, 0]) {
      const tab = tabs[index] ?? first
      await press(tab, 'Cancel')
      await tab.waitForURL(`${usher.publicUrl}/openapi.json?tab=${index}`)
    }
    t.equal(usher.simulator.tokens.living('friend').length, 1)
    // The way back through the history, and forward again, is a second look at the callback at most.
    await first.goBack()
    await first.goForward()
    t.equal(first.url(), `${usher.publicUrl}/openapi.json?tab=0`)
    t.match(await signedInAs(usher, first), 'friend')
  })

  t.test('the redirect works without JavaScript', async (t) => {
    const usher = await startTestUsher(t)
    const { page } = await openPage(browser)
    t.teardown(() => page.context().close())
    await page.goto(`${usher.publicUrl}/signin`)
    const { page: plain } = await openPage(browser, { javaScriptEnabled: false })
    t.teardown(() => plain.context().close())
    await plain.goto(`${usher.publicUrl}/signin?returnTo=/openapi.json`)
    await press(plain, 'Sign in with Plex')
    await plain.waitForURL(`${usher.simulator.plexUrl}/auth**`)
    // Plex's page itself needs scripts: here somebody else's hand claims the PIN and sends the browser back.
    const [pin] = usher.simulator.pins.list()
    t.ok(pin && usher.simulator.pins.claim(pin.id, 'friend'))
    await plain.goto(`${usher.publicUrl}/session/callback`)
    t.equal(plain.url(), `${usher.publicUrl}/openapi.json`)
    await plain.goto(`${usher.publicUrl}/signin`)
    await heading(t, plain, 'You are signed in')
  })

  t.test('turned away at Plex, one is told so and can try again with the same destination', async (t) => {
    const { usher, page } = await start(t, { path: '/signin?returnTo=/openapi.json' })
    await press(page, 'Sign in with Plex')
    await press(page, 'Cancel')
    await alert(t, page, 'You did not finish signing in at Plex')
    await press(page, 'Sign in with Plex')
    await press(page, 'Sign in as friend')
    await page.waitForURL(`${usher.publicUrl}/openapi.json`)
    t.match(await signedInAs(usher, page), 'friend')
  })

  t.test('the small window signs the page in and closes itself', async (t) => {
    const { page, complaints, watch } = await start(t)
    const opened = page.waitForEvent('popup')
    await press(page, 'Open Plex in a small window')
    const small = await opened
    const closed = small.waitForEvent('close')
    await press(small, 'Sign in as friend')
    await heading(t, page, 'You are signed in')
    await closed
    t.strictSame(await watch.leaks(), [])
    t.strictSame(complaints, [])
  })

  t.test('a code entered on another device signs a television in', async (t) => {
    const { usher, page, watch } = await start(t)
    await press(page, 'With a code')
    const code = (await page.locator('#code .tiles').innerText()).replace(/\s/g, '')
    const link = await page.getByRole('link', { name: /link$/ }).getAttribute('href')
    t.equal(link, `${usher.simulator.plexUrl}/link/`)
    const { page: phone } = await openPage(browser)
    t.teardown(() => phone.context().close())
    await phone.goto(`${link}`)
    await phone.getByRole('textbox', { name: 'Code' }).fill(code)
    await phone.getByLabel('Account').selectOption('friend')
    await press(phone, 'Link')
    await heading(t, page, 'You are signed in')
    t.strictSame(await watch.leaks(), [])
  })

  t.test('a code whose time is over says so', async (t) => {
    const { usher, page } = await start(t)
    await press(page, 'With a code')
    await heading(t, page, 'Sign in with a code')
    for (const { id } of usher.simulator.pins.list()) usher.simulator.pins.cancel(id)
    await t.resolves(page.getByText('This code has expired').waitFor())
    await press(page, 'Show a new code')
    await t.resolves(page.getByText('Expires in').waitFor())
  })

  t.test('a password with a verification code', async (t) => {
    const { page, watch } = await start(t)
    await signInByPassword(page, 'twofactor')
    await page.getByLabel('Verification code', { exact: true }).fill('654321')
    await press(page, 'Sign in')
    await alert(t, page, 'did not accept this verification code')
    await page.getByLabel('Verification code', { exact: true }).fill('123456')
    await press(page, 'Sign in')
    await heading(t, page, 'You are signed in')
    t.strictSame(await watch.leaks(), [])
  })

  t.test('every refusal of a password is said in words of its own', async (t) => {
    const { page } = await start(t)
    await signInByPassword(page, 'nobody')
    await alert(t, page, 'did not accept this name and password')
    for (const [login, words] of [
      ['emailonly', 'signs in with its e-mail address'],
      ['locked', 'is not accepting sign-ins from this site']
    ] as const) {
      await page.getByLabel('E-mail address or username').fill(login)
      await page.getByLabel('Plex password').fill(PASSWORD)
      await press(page, 'Sign in')
      await alert(t, page, words)
    }
  })

  t.test('an account without access is named, and another one is a press away', async (t) => {
    const { page } = await start(t)
    await signInByPassword(page, 'stranger')
    await heading(t, page, 'No access')
    const words = 'stranger has no access to the media server of Usher.'
    t.equal(await page.locator('#refused').textContent(), words)
    t.notMatch(page.url(), /who|stranger/, 'and its name is in no address')
    await page.getByRole('link', { name: 'Use another account' }).click()
    await signInByPassword(page, 'friend')
    await heading(t, page, 'You are signed in')
  })

  t.test('a Home profile with the wrong and the right PIN, and back', async (t) => {
    const { usher, page, complaints, watch } = await start(t)
    await signInByPassword(page, 'simuser')
    await heading(t, page, 'Who is watching?')
    const titleOf = (key: string) =>
      usher.simulator.accounts.list().find((each) => each.key === key)?.title ?? key
    const kid = titleOf('kid')
    await press(page, kid)
    await page.getByLabel('Four digits').fill('0000')
    await alert(t, page, 'That PIN is not correct')
    await page.getByLabel('Four digits').fill('1234')
    await heading(t, page, 'You are signed in')
    t.equal(await page.locator('#account-title').textContent(), kid)
    await page.reload()
    await heading(t, page, 'You are signed in')
    t.equal(await page.locator('#account-title').textContent(), kid)
    await press(page, 'Switch profile')
    await press(page, titleOf('guest'))
    await heading(t, page, 'You are signed in')
    t.strictSame(await watch.leaks(), [])
    t.strictSame(complaints, [])
  })

  t.test('a session without a server chooses one', async (t) => {
    const { page } = await start(t, { settings: { USHER_PMS_URL: undefined, USHER_ACCESS: 'anyone' } })
    await signInByPassword(page, 'friend')
    await heading(t, page, 'Choose a server')
    await page.locator('#servers button').first().waitFor()
    await press(page, 'Den')
    await heading(t, page, 'You are signed in')
    t.equal(await page.locator('#account-server').textContent(), 'Den')
  })

  t.test('signing out', async (t) => {
    const { usher, page } = await start(t)
    await signInByPassword(page, 'friend')
    await heading(t, page, 'You are signed in')
    await page.getByRole('button', { name: 'Sign out', exact: true }).click()
    await t.resolves(page.getByText('You are signed out.').waitFor())
    await page.goto(`${usher.publicUrl}/signin`)
    await heading(t, page, 'Sign in')
  })

  t.test('rule 33: a form and an image of another site sign nobody out and nobody in', async (t) => {
    const { usher, page } = await start(t)
    await signInByPassword(page, 'friend')
    await heading(t, page, 'You are signed in')
    const evil = Fastify({ forceCloseConnections: true })
    t.teardown(() => evil.close())
    const body = `<form method="post" enctype="text/plain" action="${usher.publicUrl}/session/logout"><button>Win</button></form>
      <img src="${usher.publicUrl}/session/logout"><img src="${usher.publicUrl}/session/login">`
    evil.get('/', async (_request, reply) => reply.type('text/html').send(body))
    const port = new URL(await evil.listen({ host: '127.0.0.1', port: 0 })).port
    const pins = usher.simulator.pins.list().length
    await page.goto(`http://localhost:${port}/`, { waitUntil: 'networkidle' })
    await press(page, 'Win')
    await page.waitForURL(`${usher.publicUrl}/session/logout`)
    t.match(await page.locator('body').innerText(), /USHER_(CROSS_SITE|UNSUPPORTED_MEDIA_TYPE)/)
    t.equal(usher.simulator.pins.list().length, pins, 'no PIN was made')
    await page.goto(`${usher.publicUrl}/signin`)
    await heading(t, page, 'You are signed in')
  })

  t.test('an outage is said with its time, and whoever is signed in stays so', async (t) => {
    const { usher, page } = await start(t)
    await signInByPassword(page, 'friend')
    await heading(t, page, 'You are signed in')
    await usher.simulator.plexDown()
    await page.reload()
    await heading(t, page, 'You are signed in')
    // The page asks for profiles by itself, but may be left before the answer is there.
    const status = await page.evaluate(async () => (await fetch('/session/home')).status)
    t.equal(status, 503)
    await page.goto(`${usher.publicUrl}/signin`)
    await t.resolves(page.getByText(/plex\.tv has been unreachable since \d\d:\d\d/).waitFor())
    await heading(t, page, 'You are signed in')
  })
})
