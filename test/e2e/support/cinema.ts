import type { Page } from 'playwright-core'
import type { Test } from 'tap'
import { serveCinema } from '../../../examples/cinema/serve.ts'
import { startTestUsher, type TestUsher } from '../../support/usher.ts'

export interface Cinema {
  /** The page's address. */
  readonly url: string
  readonly usher: TestUsher
  /** Gives a page the session of a demo account. */
  admit(page: Page, login?: string): Promise<void>
}

/** The example's page and Usher on one origin, in front of the small library. */
export async function startCinema(t: Test): Promise<Cinema> {
  const site = await serveCinema()
  t.teardown(() => {
    site.server.close()
    site.server.closeAllConnections()
  })
  const usher = await startTestUsher(t, {
    settings: { USHER_PUBLIC_URL: site.url, USHER_COMPRESS: 'true' }
  })
  site.pointTo(Number(usher.settings['USHER_PORT']))
  usher.simulator.modes.set({ library: 'small' })
  return {
    url: `${site.url}/cinema/`,
    usher,
    async admit(page, login) {
      const { jar } = await usher.signedIn(login)
      await page.context().addCookies([...jar].map(([name, value]) => ({ name, value, url: site.url })))
    }
  }
}
