import type { Page, Request } from 'playwright-core'
import t, { type Test } from 'tap'
import { until } from '../support/until.ts'
import { startTestUsher } from '../support/usher.ts'
import { launchBrowser, openPage, skipWithoutChromium } from './support/browser.ts'

const heading = (t: Test, page: Page, name: string) =>
  t.resolves(page.getByRole('heading', { name, level: 1 }).waitFor(), `goes on at: ${name}`)
const alert = (t: Test, page: Page, words: string) =>
  t.resolves(page.getByRole('alert').filter({ hasText: words }).waitFor(), `says: ${words}`)
const press = (page: Page, name: string) => page.getByRole('button', { name: new RegExp(`^${name}`) }).click()

t.setTimeout(600_000) // Chromium on a busy machine: slow, not stuck.

t.test('the small window at a real Usher', { skip: skipWithoutChromium }, async (t) => {
  const browser = await launchBrowser(t, { hasWindows: true })

  async function openWindow(t: Test) {
    const usher = await startTestUsher(t)
    const { page, complaints } = await openPage(browser)
    t.teardown(() => page.context().close())
    await page.goto(`${usher.publicUrl}/signin?returnTo=/openapi.json`)
    const opened = page.waitForEvent('popup')
    await press(page, 'Open Plex in a small window')
    const small = await opened
    await small.getByRole('button', { name: 'Cancel' }).waitFor()
    await heading(t, page, 'Continue in the small window')
    return { usher, page, small, complaints }
  }

  t.test('an account without access is told so on the page, not that it turned back', async (t) => {
    for (let round = 0; round < 3; round += 1) {
      const { page, small, complaints } = await openWindow(t)
      await press(small, 'Sign in as stranger')
      await heading(t, page, 'No access')
      t.match(
        await page.locator('#refused').textContent(),
        /^stranger has no access to the media server of Usher/
      )
      if (!small.isClosed()) await small.waitForEvent('close')
      t.strictSame(complaints, [])
    }
  })

  t.test('a window that loads slowly is waited for', async (t) => {
    const { page, small } = await openWindow(t)
    // The page asks after the window is back: sooner, it may be refused by the same look at the PIN.
    const asked = Promise.withResolvers<void>()
    const back = Promise.withResolvers<void>()
    await page.route(/\/session\/pin/, async (route) => {
      asked.resolve()
      await back.promise
      await route.continue()
    })
    await asked.promise
    const loaded = Promise.withResolvers<void>()
    await small.route('**/app.js', async (route) => {
      await loaded.promise
      await route.continue()
    })
    await page.clock.install()
    const gone = page.waitForResponse((answer) => answer.status() === 404)
    const closed = small.waitForEvent('close')
    const refused = small.waitForResponse(/\/session\/callback/)
    await small.getByRole('button', { name: 'Sign in as stranger' }).dispatchEvent('click')
    await refused
    back.resolve()
    await gone
    await page.clock.fastForward(4000)
    loaded.resolve()
    await heading(t, page, 'No access')
    await closed
  })

  t.test('page and window are refused at the same time: the window closes', async (t) => {
    const { usher, page, small } = await openWindow(t)
    const closed = small.waitForEvent('close')
    const fault = { service: 'plex', path: '/api/v2/resources' } as const
    const hold = usher.simulator.faults.set({ ...fault, kind: 'hold' })
    const questions = new Set<Request>()
    page.on('request', (request) => {
      if (request.url().includes('/session/pin')) questions.add(request)
    })
    page.on('requestfinished', (request) => questions.delete(request))
    await small.getByRole('button', { name: 'Sign in as stranger' }).dispatchEvent('click')
    await until(() => usher.simulator.received(fault).length > 0, 'the window is back')
    await until(() => questions.size === 1, 'the page waits for the same look at the PIN')
    await page.evaluate("fetch('/session')")
    usher.simulator.faults.clear(hold)
    await heading(t, page, 'No access')
    await closed
  })

  t.test('a window that comes back after the page was refused closes itself', async (t) => {
    const { page, small } = await openWindow(t)
    const refused = Promise.withResolvers<void>()
    await small.route(/\/session\/callback/, async (route) => {
      await refused.promise
      await route.continue()
    })
    const closed = small.waitForEvent('close')
    // Without waiting for where it leads: that is held.
    await small.getByRole('button', { name: 'Sign in as stranger' }).dispatchEvent('click')
    await heading(t, page, 'No access')
    refused.resolve()
    await closed
  })

  t.test('a window that comes back after the page went on closes itself', async (t) => {
    const { usher, page, small, complaints } = await openWindow(t)
    const closed = small.waitForEvent('close')
    usher.simulator.pins.claim(usher.simulator.pins.list().at(-1)?.id ?? 0, 'friend')
    await page.waitForURL(`${usher.publicUrl}/openapi.json`)
    // Only the way back is wanted of it.
    if (!small.isClosed()) await press(small, 'Cancel')
    await closed
    t.strictSame(complaints, [])
  })

  t.test('turned away at Plex the window closes, and the page offers every way again', async (t) => {
    const { page, small } = await openWindow(t)
    const closed = small.waitForEvent('close')
    await press(small, 'Cancel')
    await alert(t, page, 'You did not finish signing in at Plex')
    await heading(t, page, 'Sign in')
    await closed
  })

  t.test('a window that was closed costs nothing: the page goes on with the same PIN', async (t) => {
    const { usher, page, small } = await openWindow(t)
    const givenBack: string[] = []
    page.on('request', (request) => {
      if (request.method() === 'DELETE') givenBack.push(request.url())
    })
    await small.close()
    await press(page, 'Use this page instead')
    await press(page, 'Sign in as friend')
    await page.waitForURL(`${usher.publicUrl}/openapi.json`)
    await page.goto(`${usher.publicUrl}/session/account`)
    t.match(await page.locator('body').innerText(), 'friend')
    t.equal(usher.simulator.pins.list().length, 1)
    t.strictSame(givenBack, [], 'nor is it given back beside the way there')
  })
})
