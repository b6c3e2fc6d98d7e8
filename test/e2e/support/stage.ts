import Fastify from 'fastify'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import type { Test } from 'tap'
import { openPage } from './browser.ts'
import { type CannedOptions, type CannedSite, startCannedSite } from './canned-site.ts'

export interface Stage {
  readonly page: Page
  readonly site: CannedSite
  readonly complaints: string[]
  /** How often `METHOD /session/path` was requested, whatever its query. */
  asked(route: string): number
}

export interface StageOptions extends CannedOptions {
  readonly path?: string
  readonly context?: BrowserContextOptions
  readonly arrange?: (site: CannedSite) => void
  /** Before the page is opened. */
  readonly prepare?: (page: Page) => Promise<unknown>
}

/** The page in its own context and on its own site, after `arrange` wrote the site's script. */
export async function setStage(t: Test, browser: Browser, options: StageOptions = {}): Promise<Stage> {
  const site = await startCannedSite(t, options)
  options.arrange?.(site)
  if (site.session !== null) site.answer('GET /session', { body: site.session })
  const { page, complaints } = await openPage(browser, options.context)
  t.teardown(() => page.context().close())
  await options.prepare?.(page)
  await page.goto(`${site.url}${options.path ?? '/signin'}`)
  const asked = (route: string) =>
    site.asked.filter(({ method, path }) => `${method} ${path.replace(/\?.*/, '')}` === route).length
  return { page, site, complaints, asked }
}

/** A page of another origin that plays Plex: its COOP cuts the handles between windows, as Plex's does. */
export async function startPlexApp(t: Test): Promise<{ url: string; forwardTo: (url: string) => void }> {
  let forwardUrl = ''
  const fastify = Fastify({ forceCloseConnections: true })
  t.teardown(() => fastify.close())
  fastify.get('/auth', async (_request, reply) =>
    reply
      .headers({ 'cross-origin-opener-policy': 'same-origin' })
      .type('text/html')
      .send(`<title>Plex</title><h1>Plex</h1><a href="${forwardUrl}">Allow</a>`)
  )
  const url = await fastify.listen({ host: '127.0.0.1', port: 0 })
  return {
    url,
    forwardTo: (address) => {
      forwardUrl = address
    }
  }
}
