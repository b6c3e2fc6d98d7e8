import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { BrowserContextOptions, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { until } from '../support/until.ts'
import { FRIEND, OWNER, PASSWORD, startTestUsher, type TestUsher } from '../support/usher.ts'
import { auditPage } from './support/axe.ts'
import { launchBrowser, openPage, skipWithoutChromium } from './support/browser.ts'

t.setTimeout(600_000) // Chromium on a busy machine: slow, not stuck.

const SCREENSHOTS = fileURLToPath(new URL('./screenshots/', import.meta.url))
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

type Chromium = Awaited<ReturnType<typeof launchBrowser>>

async function signIn(browser: Chromium, usher: TestUsher, login: string, options: BrowserContextOptions) {
  const { page, complaints } = await openPage(browser, options)
  await page.goto(`${usher.publicUrl}/signin`)
  const status = await page.evaluate(
    `fetch('/session/login', { method: 'POST', headers: { 'content-type': 'application/json' },
      body: JSON.stringify(${JSON.stringify({ login, password: PASSWORD })}) }).then((answer) => answer.status)`
  )
  if (status !== 201) throw new Error(`sign-in answered ${status}`)
  return { page, complaints }
}

/** Reads the film as a player does, slowly, and notes when it ends. */
function play(page: Page): Promise<unknown> {
  return page.evaluate(`fetch('${FILM}').then(async (answer) => {
    window.film = { status: answer.status, endedAt: null }
    const reader = answer.body.getReader()
    const step = async () => {
      const { done } = await reader.read().catch(() => ({ done: true }))
      if (done) window.film.endedAt = Date.now()
      else setTimeout(step, 50)
    }
    void step()
  })`)
}

async function shoot(t: Test, page: Page, name: string): Promise<void> {
  mkdirSync(SCREENSHOTS, { recursive: true })
  await page.screenshot({ path: `${SCREENSHOTS}people-${name}.png`, fullPage: true })
  t.strictSame(await auditPage(page), [], `${name}: nothing that axe-core finds`)
}

t.test(
  'two phones and a television: the owner ends one, and its film stops',
  { skip: skipWithoutChromium },
  async (t) => {
    const usher = await startTestUsher(t)
    const browser = await launchBrowser(t)
    const owner = await signIn(browser, usher, OWNER, PHONE)
    const phone = await signIn(browser, usher, FRIEND, PHONE)
    const television = await signIn(browser, usher, FRIEND, TELEVISION)
    await play(television.page)
    const { page, complaints } = owner
    await page.goto(`${usher.publicUrl}/signin`)
    await page.getByRole('link', { name: 'People', exact: true }).click()
    await page.getByRole('heading', { name: 'People' }).waitFor()
    await page.getByText('千と千尋').waitFor()
    await shoot(t, page, 'phone-light')
    const entry = page.locator('.entry', { hasText: '千と千尋' })
    await entry.getByRole('link', { name: /^End/ }).click()
    await page.getByText(/End the session of friend/).waitFor()
    await shoot(t, page, 'question')
    t.equal(await television.page.evaluate('window.film.endedAt'), null, 'asked first')
    t.equal(usher.simulator.activeResponses('pms'), 1)
    const pressedAt = Date.now()
    await page.getByRole('button', { name: 'End it' }).click()
    // What the browser had read ahead it may still hand out; nothing more comes.
    await until(() => usher.simulator.activeResponses('pms') === 0)
    t.ok(Date.now() - pressedAt < 1000, `the film stopped after ${Date.now() - pressedAt} ms`)
    await until(() => television.page.evaluate('window.film.endedAt'))
    await page.getByRole('heading', { name: 'People' }).waitFor()
    t.equal(await page.getByText('千と千尋').count(), 0)
    t.equal(await television.page.evaluate("fetch('/session').then(({ status }) => status)"), 401)
    t.equal(
      await phone.page.evaluate("fetch('/session').then(({ status }) => status)"),
      200,
      'the phone goes on'
    )
    t.strictSame(complaints, [])
  }
)

t.test('the lists are live, and arrow keys go through them', { skip: skipWithoutChromium }, async (t) => {
  const usher = await startTestUsher(t)
  const browser = await launchBrowser(t)
  const { page, complaints } = await signIn(browser, usher, FRIEND, TELEVISION)
  await page.goto(`${usher.publicUrl}/signin/devices`)
  await page.getByRole('heading', { name: 'Devices' }).waitFor()
  t.equal(await page.locator('.entry').count(), 1)
  const phone = await signIn(browser, usher, FRIEND, PHONE)
  await page.locator('.entry').nth(1).waitFor()
  await shoot(t, page, 'television')
  for (let presses = 0; presses < 2; presses += 1) await page.keyboard.press('ArrowDown')
  t.match(await page.evaluate('document.activeElement.id'), /^end-/)
  const focused = await page.evaluate('document.activeElement.id')
  await phone.page.evaluate("fetch('/session/logout', { method: 'POST' })")
  await until(async () => (await page.locator('.entry').count()) === 1)
  t.equal(await page.evaluate('document.activeElement.id'), focused, 'and the focus stays')
  t.strictSame(complaints, [])
})

t.test(
  'the pages work without scripts, in dark and on a computer',
  { skip: skipWithoutChromium },
  async (t) => {
    const usher = await startTestUsher(t)
    const browser = await launchBrowser(t)
    const signedIn = await usher.signedIn(OWNER)
    await usher.signedIn(FRIEND)
    const { page, complaints } = await openPage(browser, {
      javaScriptEnabled: false,
      colorScheme: 'dark',
      viewport: { width: 1280, height: 900 }
    })
    await page
      .context()
      .addCookies([...signedIn.jar].map(([name, value]) => ({ name, value, url: usher.publicUrl })))
    await page.goto(`${usher.publicUrl}/signin/people`)
    await page.getByRole('link', { name: /^Block/ }).click()
    await page.getByRole('link', { name: 'Cancel' }).click()
    await page.getByRole('link', { name: /^Block/ }).click()
    await page.getByRole('button', { name: 'Block' }).click()
    await page.getByRole('link', { name: /^Let in again/ }).waitFor()
    mkdirSync(SCREENSHOTS, { recursive: true })
    await page.screenshot({ path: `${SCREENSHOTS}people-dark.png`, fullPage: true })
    t.equal((await usher.browser().post('/session/login', { login: FRIEND, password: PASSWORD })).status, 403)
    await page.getByRole('link', { name: 'Events' }).click()
    await page.getByText('account.blocked').waitFor()
    await page.screenshot({ path: `${SCREENSHOTS}people-events.png`, fullPage: true })
    t.strictSame(complaints, [])
  }
)

t.test('whoever is no owner has no page of people, and a form of another site does nothing', async (t) => {
  const usher = await startTestUsher(t)
  const friend = await usher.signedIn(FRIEND)
  t.equal((await friend.get('/signin/people')).status, 403)
  t.equal((await friend.get('/signin/events')).status, 403)
  t.notMatch((await friend.get('/signin/devices')).text, /signin\/people/)
  const stranger = await usher.browser().get('/signin/devices')
  t.match(stranger, { status: 303, headers: { location: /\/signin\?returnTo=/ } })
  const body = 'out=1'
  const headers = { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': 'cross-site' }
  t.equal((await friend.ask('/signin/devices', { method: 'POST', body, headers })).status, 403)
})
