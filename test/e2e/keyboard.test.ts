import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { until } from '../support/until.ts'
import { launchBrowser, skipWithoutChromium } from './support/browser.ts'
import { cannedPin, cannedSession, HOME } from './support/canned-people.ts'
import { problem } from './support/canned-site.ts'
import { setStage } from './support/stage.ts'

const TELEVISION = {
  userAgent:
    'Mozilla/5.0 (SMART-TV; LINUX; Tizen 7.0) AppleWebKit/537.36 (KHTML, like Gecko) 94.0.4606.31/7.0 TV Safari/537.36',
  viewport: { width: 1920, height: 1080 }
}

/** What has the focus: its words, or its id where it has none. */
const focused = (page: Page) =>
  page.evaluate<string>(
    '(({ textContent, id, tagName }) => tagName === "BODY" ? "" : textContent.trim().replace(/\\s+/g, " ") || id)(document.activeElement)'
  )

async function walk(page: Page, steps: number, key = 'Tab'): Promise<string[]> {
  const seen: string[] = []
  for (let step = 0; step < steps; step += 1) {
    await page.keyboard.press(key)
    seen.push(await focused(page))
  }
  return seen
}

/** Whether a ring of at least two pixels is drawn round what has the focus. */
const hasRing = (page: Page) =>
  page.evaluate<boolean>(
    '(({ outlineStyle, outlineWidth }) => outlineStyle === "solid" && parseFloat(outlineWidth) >= 2)(getComputedStyle(document.activeElement))'
  )

async function tabTo(t: Test, page: Page, words: string): Promise<void> {
  for (let step = 0; step < 20; step += 1) {
    if ((await focused(page)).startsWith(words)) {
      t.ok(await hasRing(page), `a ring round ${words}`)
      return
    }
    await page.keyboard.press('Tab')
  }
  t.fail(`${words} cannot be reached`)
}

/** Until the page has asked who is signed in, and moves the focus no more by itself. */
async function seesAccount(page: Page): Promise<void> {
  const heading = 'You are signed in'
  await page.getByRole('heading', { name: heading }).waitFor()
  await until(async () => (await focused(page)) === heading, 'the focus')
}

/** Until the question is there, and the script that listens to keys. */
async function seesQuestion(page: Page): Promise<void> {
  await page.getByRole('heading', { name: 'Sign out on all devices?' }).waitFor()
  await page.locator('html[data-scripts="run"]').waitFor({ state: 'attached' })
}

t.setTimeout(600_000) // Chromium on a busy machine: slow, not stuck.

t.test('the sign-in page by keyboard alone', { skip: skipWithoutChromium }, async (t) => {
  const browser = await launchBrowser(t)

  t.test('the ways follow one another, and the way back is the way there', async (t) => {
    const { page } = await setStage(t, browser)
    const ways = await walk(page, 4)
    t.match(ways, [/^Sign in with Plex/, /^Open Plex in a small window/, /^With a code/, /^With a password/])
    t.match(await walk(page, 3, 'Shift+Tab'), [
      /^With a code/,
      /^Open Plex in a small window/,
      /^Sign in with Plex/
    ])
  })

  t.test('password, profile and PIN', async (t) => {
    const { page, site, complaints } = await setStage(t, browser, {
      arrange: (site) => {
        site.answer('POST /session/login', { status: 201, body: cannedSession() })
        site.answer('GET /session/home', { body: HOME })
        site.answer('POST /session/home/switch', problem('USHER_HOME_PIN_REJECTED', 403), {
          status: 201,
          body: cannedSession({ method: 'home' })
        })
      }
    })
    await tabTo(t, page, 'With a password')
    await page.keyboard.press('Enter')
    t.equal(await focused(page), 'login')
    t.ok(await hasRing(page))
    await page.keyboard.type('ida')
    await page.keyboard.press('Tab')
    await page.keyboard.type('correct horse')
    await page.keyboard.press('Tab')
    t.equal(await focused(page), 'Show')
    await page.keyboard.press('Tab')
    t.equal(await focused(page), 'Forgot your password?')
    await page.keyboard.press('Tab')
    t.equal(await focused(page), 'Sign in')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Who is watching?' }).waitFor()
    t.equal(await focused(page), 'Who is watching?')
    await tabTo(t, page, 'OOrson')
    await page.keyboard.press('Space')
    const dialog = page.getByRole('dialog', { name: 'Enter the PIN for Orson' })
    await dialog.waitFor()
    t.equal(await focused(page), 'pin')
    await page.keyboard.type('0000')
    await page.getByText('That PIN is not correct').waitFor()
    t.equal(await focused(page), 'pin', 'a wrong PIN leaves one where it is typed')
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'hidden' })
    t.match(await focused(page), /^OOrson/, 'and turning away leads back to the person')
    await page.keyboard.press('Enter')
    await page.keyboard.type('1234')
    await page.getByRole('heading', { name: 'You are signed in' }).waitFor()
    t.equal(await focused(page), 'You are signed in')
    t.strictSame(
      site.asked.filter(({ path }) => path === '/session/home/switch').map(({ body }) => body),
      ['0000', '1234'].map((pin) => ({ uuid: 'cccc3333dddd4444', pin }))
    )
    t.strictSame(complaints, [])
  })

  t.test('a code, and back again', async (t) => {
    const { page } = await setStage(t, browser, {
      arrange: (site) => {
        site.answer('POST /session/pin', cannedPin('https://plex.tv'))
        site.answer('GET /session/pin', { body: { status: 'pending', pollAfterMs: 60_000 } })
        site.answer('DELETE /session/pin', { status: 204 })
      }
    })
    await tabTo(t, page, 'With a code')
    await page.keyboard.press('Enter')
    await page.getByText(/Expires in/).waitFor()
    t.equal(await focused(page), 'Sign in with a code')
    t.match(await walk(page, 3), ['plex.tv/link', 'Copy the code', 'Other ways to sign in'])
    await page.keyboard.press('Enter')
    t.equal(await focused(page), 'Sign in')
    t.match(await walk(page, 1), ['Sign in with Plex'])
  })

  t.test('signing out everywhere is asked for twice, and refused as easily', async (t) => {
    const { page, site } = await setStage(t, browser, {
      arrange: (site) => {
        site.session = cannedSession()
        site.answer('GET /session/home', { body: { users: [] } })
      }
    })
    await seesAccount(page)
    await tabTo(t, page, 'Sign out on all devices')
    await page.keyboard.press('Enter')
    await seesQuestion(page)
    t.equal((await walk(page, 1))[0], 'Cancel', 'what changes nothing comes first')
    await page.keyboard.press('Enter')
    await seesAccount(page)
    t.notOk(site.asked.some(({ method }) => method === 'POST'))
    await tabTo(t, page, 'Sign out on all devices')
    await page.keyboard.press('Enter')
    await seesQuestion(page)
    await tabTo(t, page, 'Sign out everywhere')
    await page.keyboard.press('Enter')
    await page.getByText('You are signed out.').waitFor()
    // Pictures of people are asked for beside it.
    t.match(site.asked.findLast(({ method }) => method === 'POST')?.body, { everywhere: 'yes' })
  })

  t.test('a television shows the code first, and its arrow keys go everywhere', async (t) => {
    const { page, asked, complaints } = await setStage(t, browser, {
      context: { ...TELEVISION },
      arrange: (site) => {
        site.answer('POST /session/pin', cannedPin('https://plex.tv'))
        site.answer('GET /session/pin', { body: { status: 'pending', pollAfterMs: 60_000 } })
        site.answer('DELETE /session/pin', { status: 204 })
      }
    })
    await page.getByText(/Expires in/).waitFor()
    t.equal(await focused(page), 'Other ways to sign in', 'what can be pressed has the focus')
    t.ok(await hasRing(page))
    t.ok(await page.getByRole('img', { name: 'QR code' }).isVisible())
    t.notOk(await page.getByText('Copy the code').isVisible(), 'what a television has no use for is away')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Sign in', exact: true }).waitFor()
    t.equal(await focused(page), 'Sign in with Plex')
    t.match(await walk(page, 2, 'ArrowDown'), [/^With a code/, /^With a password/])
    t.match(await walk(page, 1, 'ArrowUp'), [/^With a code/])
    t.equal(asked('POST /session/pin'), 1)
    t.strictSame(complaints, [])
  })

  t.test('a television whose code has expired, or that gets none, offers what helps', async (t) => {
    const expired = await setStage(t, browser, {
      context: { ...TELEVISION },
      arrange: (site) => {
        site.answer('POST /session/pin', cannedPin('https://plex.tv'))
        site.answer('GET /session/pin', { body: { status: 'expired' } })
      }
    })
    await expired.page.getByText('This code has expired.').waitFor()
    t.equal(await focused(expired.page), 'Show a new code')
    const away = await setStage(t, browser, {
      context: { ...TELEVISION },
      arrange: (site) => site.answer('POST /session/pin', problem('USHER_UPSTREAM_UNREACHABLE', 503))
    })
    await away.page.getByRole('alert').filter({ hasText: 'cannot be reached' }).waitFor()
    t.equal(await focused(away.page), 'Sign in with Plex')
  })

  t.test('arrow keys scroll before they leave the screen, so that nothing is skipped', async (t) => {
    const { page } = await setStage(t, browser, { context: { viewport: { width: 480, height: 300 } } })
    const isSeen = () =>
      page.evaluate<boolean>(
        '(({ top, bottom }) => bottom > 0 && top < innerHeight)(document.getElementById("with-code").getBoundingClientRect())'
      )
    await page.getByRole('button', { name: 'Sign in with Plex' }).focus()
    t.notOk(await isSeen())
    await page.keyboard.press('ArrowDown')
    t.equal(await focused(page), 'Sign in with Plex', 'the page scrolls, and the focus stays')
    t.ok((await page.evaluate<number>('scrollY')) > 100)
    for (let presses = 0; presses < 5 && !(await isSeen()); presses += 1)
      await page.keyboard.press('ArrowDown')
    t.match(await walk(page, 1, 'ArrowDown'), [/^With a code/])
  })

  t.test('arrow keys go through profiles in all four directions', async (t) => {
    const { page } = await setStage(t, browser, {
      context: { ...TELEVISION },
      path: '/signin?fresh=1',
      arrange: (site) => {
        site.session = cannedSession()
        site.answer('GET /session/home', { body: HOME })
      }
    })
    await page.getByRole('heading', { name: 'Who is watching?' }).waitFor()
    t.match(await focused(page), /Ida Lupino/)
    t.match(await walk(page, 2, 'ArrowRight'), [/Orson/, /The little ones/])
    t.match(await walk(page, 1, 'ArrowLeft'), [/Orson/])
    t.match(await walk(page, 1, 'ArrowDown'), [/^Continue as Ida/])
    t.match(await walk(page, 1, 'ArrowUp'), [/Orson/])
  })
})
