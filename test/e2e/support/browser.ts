import { existsSync } from 'node:fs'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import type { Test } from 'tap'

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync'
]

const installed = PLACES.find((place) => existsSync(place))

/** For tap's `skip`: the reason where there is no Chromium, false where there is one or CI demands one. */
export const skipWithoutChromium: string | false =
  installed === undefined && process.env['USHER_TEST_REQUIRE'] !== 'all' && 'chromium is not installed'

/** Chromium for one test, closed when it ends; fails where none is installed. */
export async function launchBrowser(t: Test): Promise<Browser> {
  if (installed === undefined) throw new Error('chromium is required here: apt-get install chromium')
  const browser = await chromium.launch({ executablePath: installed, args: FLAGS })
  t.teardown(() => browser.close())
  return browser
}

export interface WatchedPage {
  readonly page: Page
  /** What the console called an error and what scripts threw: CSP violations are among them. */
  readonly complaints: string[]
}

/** A page of its own context (own cookies), with everything it complains about. */
export async function openPage(browser: Browser, options: BrowserContextOptions = {}): Promise<WatchedPage> {
  const context = await browser.newContext({ locale: 'en-GB', timezoneId: 'Europe/Berlin', ...options })
  const page = await context.newPage()
  page.setDefaultTimeout(10_000)
  const complaints: string[] = []
  page.on('console', (message) => {
    // An HTTP status of 4xx or 5xx is what a test asked for, not a fault of the page.
    const status = /^Failed to load resource: the server responded with a status of/.test(message.text())
    if (message.type() === 'error' && !status) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  return { page, complaints }
}
