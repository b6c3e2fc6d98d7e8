import type { Config } from '../config/config.ts'
import type { Session } from '../session/session.ts'
import type { Store } from '../store/store.ts'
import { cookieNamesOf } from './configuration.ts'
import { digest } from './names.ts'

/** Where a browser goes from Usher's step between an authorization request and its sign-in. */
export type NextStep =
  | { readonly kind: 'lost' }
  /** Back to the request, which is answered now. */
  | { readonly kind: 'go'; readonly path: string }
  | { readonly kind: 'sign-in' }

export interface Interactions {
  /** The cookie that ties an interaction to the browser which began it. */
  readonly cookieName: string
  /** `uid` as the address has it, `cookie` as the browser does. */
  next(uid: string, cookie: string | null | undefined, session: Session | null): Promise<NextStep>
}

export interface InteractionsOptions {
  readonly store: Pick<Store, 'get' | 'commit'>
  readonly config: Pick<Config, 'publicUrl' | 'instance'>
  readonly now: () => number
}

/** As the library keeps it, with the moment that the adapter adds. */
interface Interaction {
  readonly params: Readonly<Record<string, unknown>>
  readonly prompt: { readonly reasons: readonly string[] }
  readonly madeAt: number
}

/** What only a sign-in since the request satisfies; everything else is content with whoever is signed in. */
const FRESH = ['login_prompt', 'max_age', 'id_token_hint', 'select_account_prompt']

/**
 * Starts the request over when somebody is signed in: simpler than to resume it, whose page breaks when that is another
 * account than before.
 */
export function createInteractions({ store, config, now }: InteractionsOptions): Interactions {
  const { basePath } = config.publicUrl
  return {
    cookieName: cookieNamesOf(config).interaction,
    async next(uid, cookie, session) {
      if (cookie !== uid) return { kind: 'lost' }
      const name = { kind: 'interaction', key: digest('interaction', uid) } as const
      const text = await store.get(name)
      if (text === null) return { kind: 'lost' }
      const { params, prompt, madeAt } = JSON.parse(text) as Interaction
      const demandsFresh = prompt.reasons.some((reason) => FRESH.includes(reason))
      if (session === null || (demandsFresh && session.signedInAt < madeAt)) return { kind: 'sign-in' }
      await store.commit({ remove: [name] })
      return { kind: 'go', path: `${basePath}/oidc/auth?${toQuery(params, (now() - madeAt) / 1000)}` }
    }
  }
}

/** The request without what the sign-in has answered; the time that it took counts against no `max_age`. */
function toQuery(params: Readonly<Record<string, unknown>>, seconds: number): string {
  const { prompt, max_age: maxAge, ...rest } = params
  const pairs = Object.entries(rest).filter((pair): pair is [string, string] => typeof pair[1] === 'string')
  const query = new URLSearchParams(pairs)
  // The library makes `prompt=login` of `max_age=0`; either way the app is told when that was (`auth_time`).
  const wantsTime =
    maxAge !== undefined ||
    String(prompt ?? '')
      .split(' ')
      .includes('login')
  if (wantsTime) query.set('max_age', String(Math.max(Number(maxAge ?? 0), Math.ceil(seconds) + 1)))
  return query.toString()
}
