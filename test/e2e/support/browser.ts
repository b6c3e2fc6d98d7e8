import { existsSync } from 'node:fs'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import type { Test } from 'tap'

const BROWSERS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
/** The same engine without windows of its own, for half the processor time. */
const SHELLS = ['/usr/bin/chromium-headless-shell']

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync'
]

const browser = BROWSERS.find((place) => existsSync(place))
const shell = SHELLS.find((place) => existsSync(place)) ?? browser

/** For tap's `skip`: a reason if Chromium is missing; false if it is there or CI requires it. */
export const skipWithoutChromium: string | false =
  browser === undefined && process.env['USHER_TEST_REQUIRE'] !== 'all' && 'chromium is not installed'

export interface BrowserOptions {
  readonly flags?: readonly string[]
  /** Chromium as people have it, for a test whose subject is windows. */
  readonly hasWindows?: boolean
}

/** Chromium for one test, closed at its end; fails if it is not installed. */
export async function launchBrowser(t: Test, options: BrowserOptions = {}): Promise<Browser> {
  const executablePath = options.hasWindows ? browser : shell
  if (executablePath === undefined) throw new Error('chromium is required here: apt-get install chromium')
  const args = [...FLAGS, ...(options.flags ?? [])]
  const launched = await chromium.launch({ executablePath, args, timeout: 180_000 })
  t.teardown(() => launched.close())
  return launched
}

export interface WatchedPage {
  readonly page: Page
  /** Console errors and uncaught exceptions, CSP violations included. */
  readonly complaints: string[]
}

/** A page in a new context (its own cookies), with everything it complains about. */
export async function openPage(browser: Browser, options: BrowserContextOptions = {}): Promise<WatchedPage> {
  const context = await browser.newContext({ locale: 'en-GB', timezoneId: 'Europe/Berlin', ...options })
  // For what hangs: a busy machine needs a part of it. Of the context, so that windows of the page have it as well.
  context.setDefaultTimeout(60_000)
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => {
    // A 4xx or 5xx is what the test asked for, not a fault of the page.
    const status = /^Failed to load resource: the server responded with a status of/.test(message.text())
    if (message.type() === 'error' && !status) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  return { page, complaints }
}
