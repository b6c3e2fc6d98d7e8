import type { Page } from 'playwright-core'
import t from 'tap'
import { loadAssets } from '../../routes/public/signin/assets.ts'
import { createLanguages } from '../../routes/public/signin/language.ts'
import { createPlainPages } from '../../routes/public/signin/plain-page.ts'
import { createProblemPages } from '../../routes/public/signin/problem-page.ts'
import { Problem } from '../../src/domain/problems.ts'
import { MIRRORED } from '../support/mirrored.ts'
import { OWNER, PASSWORD, startTestUsher } from '../support/usher.ts'
import { auditPage } from './support/axe.ts'
import { launchBrowser, openPage, skipWithoutChromium } from './support/browser.ts'
import { shoot } from './support/screenshots.ts'

const PICTURE = '/pms/library/metadata/1/thumb/1'

const LETTERS = `document.fonts.ready.then((fonts) =>
  [...fonts].some(({ family, status }) => family.includes('Instrument Serif') && status === 'loaded'))`

const heading = (page: Page) => page.getByRole('heading', { level: 1 }).innerText()
const overflow = (page: Page) =>
  page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth')

t.test('in Chromium', { skip: skipWithoutChromium, timeout: 600_000 }, async (t) => {
  const usher = await startTestUsher(t)
  const { publicUrl, simulator } = usher
  const browser = await launchBrowser(t)

  /** Without a way back: nobody is led back to an API. */
  async function toSignIn(page: Page): Promise<void> {
    await page.getByRole('link', { name: 'To the sign-in page' }).click()
    await page.waitForURL(`${publicUrl}/signin`)
  }

  await t.test('a window shows a page, what a page loads gets the problem', async (t) => {
    const { page, complaints } = await openPage(browser)
    t.equal((await page.goto(`${publicUrl}/nothing-here`))?.status(), 404)
    t.equal(await heading(page), 'This page does not exist')
    t.ok(await page.evaluate(LETTERS), 'with its style and letters')
    t.strictSame(await auditPage(page), [])
    await toSignIn(page)
    t.equal(await heading(page), 'Sign in')
    const inPage = `fetch(${JSON.stringify(PICTURE)}, { headers: { accept: 'text/html' } }).then((r) => r.headers.get('content-type'))`
    t.equal(await page.evaluate(inPage), 'application/problem+json', 'a fetch, even for HTML')
    const picture = page.waitForResponse(`${publicUrl}${PICTURE}?img`)
    await page.evaluate(`new Image().src = ${JSON.stringify(`${PICTURE}?img`)}`)
    t.equal((await picture).headers()['content-type'], 'application/problem+json', 'an image')
    t.strictSame(complaints, [])
    await page.context().close()
  })

  await t.test('a picture after signing out, and an upstream that comes back', async (t) => {
    const { page } = await openPage(browser)
    const post = (path: string, data: object) =>
      page.context().request.post(publicUrl + path, { data, headers: { 'x-usher': '1' } })
    t.equal((await post('/session/login', { login: OWNER, password: PASSWORD })).status(), 201)
    simulator.faults.set({ kind: 'server-error', service: 'pms', path: '/library/sections' })
    t.equal((await page.goto(`${publicUrl}/pms/library/sections`))?.status(), 503)
    t.match(await heading(page), 'cannot be reached at the moment')
    simulator.faults.clear()
    const back = page.waitForResponse(`${publicUrl}/pms/library/sections`)
    await page.getByRole('link', { name: 'Try again' }).click()
    t.equal((await back).status(), 200, 'trying again asks for the same address')
    t.equal((await post('/session/logout', {})).status(), 204)
    t.equal((await page.goto(publicUrl + PICTURE))?.status(), 401)
    t.equal(await heading(page), 'You are not signed in')
    await toSignIn(page)
    await page.context().close()
  })

  await t.test('dark, narrow, and from right to left', async (t) => {
    const { page, complaints } = await openPage(browser, {
      colorScheme: 'dark',
      viewport: { width: 320, height: 700 },
      locale: 'de-DE'
    })
    await page.goto(`${publicUrl}/session/logout`)
    t.equal(await page.evaluate('document.documentElement.lang'), 'de')
    t.strictSame(await auditPage(page, 'colours'), [])
    t.equal(await overflow(page), 0)
    await shoot(page, 'problem-dark-320')
    const config = {
      publicUrl: { href: publicUrl, origin: publicUrl, basePath: '', hostname: '127.0.0.1', secure: false },
      brand: { name: 'Usher', logo: null }
    }
    const languages = createLanguages([MIRRORED])
    const render = createProblemPages({
      config,
      isOwnHost: () => false,
      render: createPlainPages({ config, assets: loadAssets(), languages })
    })
    const problem = new Problem('USHER_CROSS_SITE', { detail: 'A remedy for the operator.' })
    const { headers, markup } = render(problem, { id: 'Ab-_9-1', host: 'x', headers: {} })
    await page.route(`${publicUrl}/mirrored`, (route) =>
      route.fulfill({ status: 403, headers: { ...headers }, body: markup })
    )
    await page.goto(`${publicUrl}/mirrored`)
    t.equal(await page.evaluate('getComputedStyle(document.querySelector("h1")).direction'), 'rtl')
    t.strictSame(await auditPage(page), [])
    t.equal(await overflow(page), 0)
    await shoot(page, 'problem-mirrored-320')
    t.strictSame(complaints, [])
    await page.context().close()
  })
})
