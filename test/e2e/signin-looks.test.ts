import { readdirSync, readFileSync } from 'node:fs'
import type { Page } from 'playwright-core'
import t from 'tap'
import { createLanguages } from '../../routes/public/signin/language.ts'
import { MIRRORED } from '../support/mirrored.ts'
import { auditPage, auditScriptless } from './support/axe.ts'
import { launchBrowser, skipWithoutChromium } from './support/browser.ts'
import {
  AVATAR,
  cannedPin,
  cannedSession,
  FULL_HOME,
  HOME,
  LONG_ADDRESS,
  LONG_NAME,
  LONG_SERVERS,
  SERVERS
} from './support/canned-people.ts'
import { type CannedSite, problem } from './support/canned-site.ts'
import { shoot, wantsScreenshots } from './support/screenshots.ts'
import { type StageOptions, setStage } from './support/stage.ts'

const WIDTHS = [320, 390, 1280] as const
const TELEVISION_WIDTHS = [1280, 1920] as const
const HEIGHTS: Readonly<Record<number, number>> = { 320: 844, 390: 844, 1280: 720, 1920: 1080 }
const TELEVISION = {
  userAgent:
    'Mozilla/5.0 (SMART-TV; LINUX; Tizen 7.0) AppleWebKit/537.36 (KHTML, like Gecko) 94.0.4606.31/7.0 TV Safari/537.36'
}
const mirrored = { languages: createLanguages([MIRRORED]) }
const PENDING = { body: { status: 'pending', pollAfterMs: 60_000 } }
const EXPIRED = { body: { status: 'expired' } }

interface State extends StageOptions {
  readonly name: string
  readonly act?: (page: Page, site: CannedSite) => Promise<void>
}

/** Words of buttons side by side that do not fit into a line; a word has more than one rectangle then. */
const brokenWords = (page: Page) =>
  page.evaluate<string[]>(`[...document.querySelectorAll('.row .button')].flatMap((button) => {
    const text = [...button.childNodes].find(({ nodeType }) => nodeType === Node.TEXT_NODE)
    return [...(text?.data ?? '').matchAll(/\\S+/g)].flatMap(({ 0: word, index }) => {
      const range = document.createRange()
      range.setStart(text, index)
      range.setEnd(text, index + word.length)
      return range.getClientRects().length > 1 ? [word] : []
    })
  })`)

const press = (page: Page, name: string) => page.getByRole('button', { name: new RegExp(`^${name}`) }).click()
const sees = (page: Page, text: string | RegExp) => page.getByText(text).first().waitFor()

async function tryPassword(page: Page, login = 'ida@example.com'): Promise<void> {
  await press(page, 'With a password')
  await page.getByLabel('E-mail address or username').fill(login)
  await page.getByLabel('Plex password').fill('correct horse')
  await press(page, 'Sign in')
}

function family(site: CannedSite): void {
  site.answer('POST /session/login', { status: 201, body: cannedSession() })
  site.answer('GET /session/home', { body: HOME })
  site.answer('POST /session/home/switch', problem('USHER_HOME_PIN_REJECTED', 403))
  site.answer('GET /plex/users/aaaa1111bbbb2222/avatar', AVATAR)
}

function signedIn(site: CannedSite): void {
  site.session = cannedSession()
  family(site)
}

const STATES: readonly State[] = [
  { name: 'choose' },
  { name: 'choose-return-to', path: '/signin?returnTo=https://grafana.example.com/' },
  { name: 'choose-without-script', context: { javaScriptEnabled: false } },
  {
    name: 'choose-branded',
    brand: {
      name: 'Lichtspielhaus Großmüllerstraße',
      logo: {
        type: 'image/svg+xml',
        body: Buffer.from(
          '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><circle cx="4.5" cy="4.5" r="4" fill="#2a7f62"/></svg>'
        )
      }
    }
  },
  { name: 'refused', path: '/signin?error=USHER_SERVER_ACCESS_DENIED&who=sealed-ida&returnTo=/app' },
  { name: 'blocked', path: '/signin?error=USHER_ACCOUNT_BLOCKED&who=sealed-ida' },
  { name: 'stay', path: '/signin?again=1&returnTo=/app', arrange: signedIn },
  { name: 'cancelled', path: '/signin?error=USHER_SIGNIN_CANCELLED&returnTo=/app' },
  { name: 'pin-unknown', path: '/signin?error=USHER_PIN_UNKNOWN' },
  {
    name: 'refused-without-script',
    path: '/signin?error=USHER_TWO_FACTOR_REQUIRED',
    context: { javaScriptEnabled: false }
  },
  {
    name: 'outage',
    arrange: (site) => {
      site.unreachableSince = Date.now() - 1_800_000
    }
  },
  {
    name: 'window',
    arrange: (site) => {
      site.answer('POST /session/pin', cannedPin('about:blank'))
      site.answer('GET /session/pin', PENDING)
    },
    act: async (page) => {
      await press(page, 'Open Plex in a small window')
      await sees(page, 'Continue in the small window')
    }
  },
  {
    name: 'window-outage',
    arrange: (site) => {
      site.answer('POST /session/pin', cannedPin('about:blank'))
      site.answer('GET /session/pin', problem('USHER_UPSTREAM_UNREACHABLE', 503))
    },
    act: async (page) => {
      await press(page, 'Open Plex in a small window')
      await sees(page, /Still waiting/)
    }
  },
  { name: 'window-done', path: '/signin?window=done' },
  {
    name: 'code',
    arrange: (site) => {
      site.answer('POST /session/pin', cannedPin('https://plex.tv'))
      site.answer('GET /session/pin', PENDING)
    },
    act: async (page) => {
      await press(page, 'With a code')
      await sees(page, /Expires in/)
    }
  },
  {
    name: 'code-expired',
    arrange: (site) => {
      site.answer('POST /session/pin', cannedPin('https://plex.tv'))
      site.answer('GET /session/pin', EXPIRED)
    },
    act: async (page) => {
      await press(page, 'With a code')
      await sees(page, 'This code has expired')
    }
  },
  { name: 'password', act: (page) => press(page, 'With a password') },
  {
    name: 'password-rejected',
    arrange: (site) => site.answer('POST /session/login', problem('USHER_CREDENTIALS_REJECTED', 401)),
    act: async (page) => {
      await tryPassword(page)
      await sees(page, /did not accept this name/)
    }
  },
  {
    name: 'password-verification',
    arrange: (site) => site.answer('POST /session/login', problem('USHER_VERIFICATION_REQUIRED', 401)),
    act: async (page) => {
      await tryPassword(page)
      await sees(page, /Six digits from/)
    }
  },
  {
    name: 'password-verification-long',
    arrange: (site) => site.answer('POST /session/login', problem('USHER_VERIFICATION_REQUIRED', 401)),
    act: async (page) => {
      await tryPassword(page, LONG_ADDRESS)
      await sees(page, LONG_ADDRESS)
    }
  },
  {
    name: 'password-verification-rejected',
    arrange: (site) =>
      site.answer(
        'POST /session/login',
        problem('USHER_VERIFICATION_REQUIRED', 401),
        problem('USHER_VERIFICATION_REJECTED', 401)
      ),
    act: async (page) => {
      await tryPassword(page)
      await page.getByLabel('Verification code', { exact: true }).fill('123456')
      await press(page, 'Sign in')
      await sees(page, /did not accept this verification code/)
    }
  },
  {
    name: 'password-fault',
    arrange: (site) => site.answer('POST /session/login', problem('USHER_INTERNAL', 500)),
    act: async (page) => {
      await tryPassword(page)
      await sees(page, /req-7f3a/)
    }
  },
  {
    name: 'profiles',
    arrange: family,
    act: async (page) => {
      await tryPassword(page)
      await sees(page, 'The little ones')
    }
  },
  {
    name: 'profile-pin',
    arrange: family,
    act: async (page) => {
      await tryPassword(page)
      await press(page, 'Orson')
      await page.getByLabel('Four digits').fill('0000')
      await sees(page, /That PIN is not correct/)
    }
  },
  {
    name: 'profiles-many',
    arrange: (site) => {
      family(site)
      site.answer('GET /session/home', { body: FULL_HOME })
    },
    act: async (page) => {
      await tryPassword(page)
      await sees(page, 'Who is watching?')
    }
  },
  {
    name: 'profile-pin-long',
    arrange: (site) => {
      family(site)
      site.answer('GET /session/home', {
        body: { users: FULL_HOME.users.map((user) => ({ ...user, current: false })) }
      })
    },
    act: async (page) => {
      await tryPassword(page)
      await page.getByRole('button', { name: LONG_NAME }).first().click()
      await sees(page, /Enter the PIN for/)
    }
  },
  {
    name: 'servers-long',
    pmsUrl: null,
    arrange: (site) => {
      site.session = cannedSession({ server: null, role: 'none' })
      site.answer('GET /session/servers', { body: LONG_SERVERS })
    },
    act: (page) => sees(page, 'Keller')
  },
  {
    name: 'servers-none',
    pmsUrl: null,
    arrange: (site) => {
      site.session = cannedSession({ server: null, role: 'none' })
      site.answer('GET /session/servers', { body: [] })
    },
    act: async (page) => {
      await page.getByRole('heading', { name: 'No server', exact: true }).waitFor()
      await sees(page, /has no media server/)
    }
  },
  {
    name: 'servers',
    pmsUrl: null,
    arrange: (site) => {
      site.session = cannedSession({ server: null, role: 'none' })
      site.answer('GET /session/servers', { body: SERVERS })
    },
    act: (page) => sees(page, 'Old Mac mini')
  },
  {
    name: 'account',
    path: '/signin?returnTo=/app',
    arrange: signedIn,
    act: (page) => sees(page, 'Switch profile')
  },
  {
    name: 'account-apps',
    apps: {
      open: [
        { id: 'photos', name: 'Photos', url: 'https://photos.example', hasIcon: false },
        { id: 'books', name: LONG_NAME, url: 'https://books.example', hasIcon: false }
      ],
      entered: ['Immich', 'Paperless-ngx']
    },
    arrange: signedIn,
    act: (page) => sees(page, 'Switch profile')
  },
  {
    name: 'account-long',
    path: '/signin?returnTo=/app',
    pmsUrl: null,
    brand: { name: LONG_NAME, logo: null },
    arrange: (site) => {
      signedIn(site)
      site.session = cannedSession({
        account: { ...cannedSession().account, title: LONG_NAME.repeat(2), thumb: '/none' },
        server: { name: LONG_NAME.repeat(2), machineIdentifier: 'f00d' }
      })
    },
    act: (page) => sees(page, 'Switch profile')
  },
  {
    name: 'account-without-script',
    context: { javaScriptEnabled: false },
    arrange: signedIn
  },
  {
    name: 'account-stale',
    arrange: (site) => {
      signedIn(site)
      site.session = cannedSession({ stale: true })
      site.unreachableSince = Date.now() - 1_800_000
    },
    act: (page) => sees(page, 'Switch profile')
  },
  {
    name: 'sign-out-everywhere',
    arrange: signedIn,
    act: async (page) => {
      await page.getByRole('link', { name: /^Sign out on all devices/ }).click()
      await sees(page, 'Sign out on all devices?')
    }
  },
  {
    name: 'account-television',
    path: '/signin?returnTo=/app',
    context: TELEVISION,
    arrange: signedIn,
    act: (page) => sees(page, 'Switch profile')
  },
  {
    name: 'television',
    context: TELEVISION,
    arrange: (site) => {
      site.answer('POST /session/pin', cannedPin('https://plex.tv'))
      site.answer('GET /session/pin', PENDING)
    },
    act: (page) => sees(page, /Expires in/)
  },
  {
    name: 'profiles-television',
    path: '/signin?fresh=1',
    context: TELEVISION,
    arrange: signedIn,
    act: (page) => sees(page, 'Who is watching?')
  },
  {
    name: 'choose-television',
    context: TELEVISION,
    path: '/signin?error=USHER_SIGNIN_CANCELLED'
  },
  {
    name: 'mirrored',
    path: '/signin?returnTo=/app&error=USHER_PIN_UNKNOWN',
    ...mirrored
  },
  {
    name: 'mirrored-code',
    ...mirrored,
    arrange: (site) => {
      site.answer('POST /session/pin', cannedPin('https://plex.tv'))
      site.answer('GET /session/pin', PENDING)
    },
    act: async (page) => {
      await page.locator('#with-code').click()
      await page.locator('.tiles').waitFor()
    }
  },
  {
    name: 'mirrored-password',
    ...mirrored,
    act: (page) => page.locator('#with-password').click()
  },
  {
    name: 'mirrored-account',
    path: '/signin?returnTo=https://grafana.example.com/',
    ...mirrored,
    arrange: signedIn,
    act: (page) => page.locator('#switch-profile').waitFor()
  },
  {
    name: 'german',
    path: '/signin?returnTo=/app&error=USHER_PIN_UNKNOWN',
    context: { locale: 'de-DE' }
  },
  {
    name: 'german-code',
    context: { locale: 'de-DE' },
    arrange: (site) => {
      site.answer('POST /session/pin', cannedPin('https://plex.tv'))
      site.answer('GET /session/pin', PENDING)
    },
    act: async (page) => {
      await press(page, 'Mit einem Code')
      await sees(page, /Läuft in/)
    }
  },
  {
    name: 'french-everywhere',
    path: '/signin?everywhere=1',
    context: { locale: 'fr-FR' },
    arrange: signedIn
  },
  {
    name: 'german-account',
    path: '/signin?returnTo=/app',
    context: { locale: 'de-DE' },
    arrange: signedIn,
    act: (page) => sees(page, 'Profil wechseln')
  },
  {
    name: 'signed-out',
    arrange: (site) => {
      signedIn(site)
    },
    act: async (page) => {
      await page.getByRole('button', { name: 'Sign out', exact: true }).click()
      await sees(page, 'You are signed out.')
    }
  }
]

// Chromium on a busy machine: slow, not stuck.
t.setTimeout(600_000)

t.test('the dark scheme changes colours alone, so that its layout is not looked at again', async (t) => {
  const folder = new URL('../../routes/public/signin/style/', import.meta.url)
  const sheets = readdirSync(folder).filter((name) => name.endsWith('.css'))
  const css = sheets.map((name) => readFileSync(new URL(name, folder), 'utf8')).join('\n')
  const blocks = [...css.matchAll(/@media[^{]*prefers-color-scheme[^{]*\{\s*:root \{([^}]*)\}\s*\}/g)]
  t.equal(blocks.length, css.split('prefers-color-scheme').length - 1, 'each is one of :root')
  for (const [, block = ''] of blocks)
    for (const declaration of block.split(';').filter((text) => text.trim() !== ''))
      t.match(declaration, /^\s*--[a-z-]+: (?:#[0-9a-f]{3,6}$|rgb\(|0 1px 2px rgb\()/)
})

t.test('every state of the sign-in page', { skip: skipWithoutChromium }, async (t) => {
  const browser = await launchBrowser(t)

  for (const state of STATES) {
    t.test(`${state.name} fits a phone and a desktop and passes WCAG 2.2 AA, light and dark`, async (t) => {
      const { page, site, complaints } = await setStage(t, browser, {
        ...state,
        context: { reducedMotion: 'reduce', ...state.context }
      })
      await state.act?.(page, site)
      const widths = state.context === TELEVISION ? TELEVISION_WIDTHS : WIDTHS
      const audit = (colorScheme: 'light' | 'dark') =>
        state.context?.javaScriptEnabled === false
          ? auditScriptless(page, browser, { colorScheme })
          : auditPage(page, colorScheme === 'light' ? 'all' : 'colours')
      await page.emulateMedia({ colorScheme: 'light' })
      for (const width of widths) {
        await page.setViewportSize({ width, height: HEIGHTS[width] ?? 800 })
        await shoot(page, `${state.name}-light-${width}`)
        const overflow = await page.evaluate('document.documentElement.scrollWidth - innerWidth')
        t.ok(Number(overflow) <= 0, `nothing sticks out at ${width} px`)
        t.strictSame(await brokenWords(page), [], `no word of a row of buttons is broken at ${width} px`)
      }
      t.strictSame(await audit('light'), [], 'light')
      await page.emulateMedia({ colorScheme: 'dark' })
      t.strictSame(await audit('dark'), [], 'dark')
      for (const width of wantsScreenshots ? widths : []) {
        await page.setViewportSize({ width, height: HEIGHTS[width] ?? 800 })
        await shoot(page, `${state.name}-dark-${width}`)
      }
      await page.emulateMedia({ forcedColors: 'active' })
      await shoot(page, `${state.name}-forced-colors`, false)
      t.strictSame(complaints, [], 'nothing is complained about, the policy included')
    })
  }
})
