import type { Test } from 'tap'
import { hashSecret } from '../../src/config/secret-hashes.ts'
import type { AccountKey } from '../simulator/accounts.ts'
import type { Browser } from './browser.ts'
import { APP_HOST, USHER_HOST } from './site.ts'
import { PASSWORD, startTestUsher, type TestUsher } from './usher.ts'

export const HOUR = 3_600_000
export const IDENTITY = [
  'remote-user',
  'remote-name',
  'remote-email',
  'remote-groups',
  'x-usher-account-id',
  'x-usher-assertion'
] as const
const SERVICE = {
  id: 'poster-wall',
  secretHashes: [hashSecret('Forward-auth_secret-1234567890')],
  grants: ['transient:session']
}
const SETTINGS = {
  USHER_PUBLIC_URL: `https://${USHER_HOST}`,
  USHER_COOKIE_DOMAIN: 'example.com',
  USHER_ALLOWED_RETURN_ORIGINS: `https://${APP_HOST}`,
  USHER_SERVICES: JSON.stringify([SERVICE])
}
export const COOKIE = '__Secure-usher'
export const HTML = 'text/html,application/xhtml+xml,*/*;q=0.8'

export interface Stage {
  readonly usher: TestUsher
  /** Advances Usher's clock. */
  advance(ms: number): void
  /** A browser signed in by password, or as a profile that the Home's owner switched to. */
  signIn(key?: AccountKey): Promise<Browser>
}

export async function startStage(t: Test, settings: Record<string, string> = {}): Promise<Stage> {
  let offset = 0
  const usher = await startTestUsher(t, {
    settings: { ...SETTINGS, ...settings },
    now: () => Date.now() + offset
  })
  const host = { host: USHER_HOST }
  return {
    usher,
    advance(ms) {
      offset += ms
    },
    async signIn(key = 'owner') {
      const browser = usher.browser()
      const account = usher.simulator.accounts.list().find((candidate) => candidate.key === key)
      const login = account?.login ?? 'sim@example.com'
      const answer = await browser.post('/session/login', { login, password: PASSWORD }, host)
      if (answer.status !== 201) throw new Error(`sign-in answered ${answer.status} ${answer.text}`)
      if (account?.login !== null) return browser
      const pin = account.homePin === null ? {} : { pin: account.homePin }
      const switched = await browser.post('/session/home/switch', { uuid: account.uuid, ...pin }, host)
      if (switched.status !== 201) throw new Error(`switch answered ${switched.status} ${switched.text}`)
      return browser
    }
  }
}

/** What a proxy says about a navigation to the app. */
export function navigation(
  changes: Record<string, string | undefined> = {}
): Record<string, string | undefined> {
  return {
    accept: HTML,
    'x-forwarded-method': 'GET',
    'x-forwarded-proto': 'https',
    'x-forwarded-host': APP_HOST,
    'x-forwarded-uri': '/shelf?sort=title&ids=1,2',
    ...changes
  }
}

export const SIGN_IN = `https://${USHER_HOST}/signin`
export const DEEP_LINK = `${SIGN_IN}?returnTo=${encodeURIComponent(`https://${APP_HOST}/shelf?sort=title&ids=1,2`)}`
