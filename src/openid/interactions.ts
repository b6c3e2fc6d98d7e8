import type { Config } from '../config/config.ts'
import type { Session } from '../session/session.ts'
import { type Store, StoreAway } from '../store/store.ts'
import { cookieNamesOf } from './configuration.ts'
import { digest } from './names.ts'

/** The next step of a browser between an authorization request and its sign-in. */
export type NextStep =
  | { readonly kind: 'lost' }
  /** Back to the request, which can be answered now. */
  | { readonly kind: 'go'; readonly path: string }
  | { readonly kind: 'sign-in' }
  /** The store is away. */
  | { readonly kind: 'unavailable' }

export interface Interactions {
  /** The cookie that ties an interaction to the browser that began it. */
  readonly cookieName: string
  /** `uid` from the URL, `cookie` from the browser. */
  next(uid: string, cookie: string | null | undefined, session: Session | null): Promise<NextStep>
}

export interface InteractionsOptions {
  readonly store: Pick<Store, 'get' | 'commit'>
  readonly config: Pick<Config, 'publicUrl' | 'instance'>
  readonly now: () => number
}

/** The library's record, with the time that the adapter adds. */
interface Interaction {
  readonly params: Readonly<Record<string, unknown>>
  readonly prompt: { readonly reasons: readonly string[] }
  readonly madeAt: number
}

/** Prompts that only a sign-in after the request satisfies; for all others an existing sign-in is enough. */
const FRESH = ['login_prompt', 'max_age', 'id_token_hint', 'select_account_prompt']

/**
 * Starts the request over once somebody is signed in. That is simpler than resuming it, which breaks if it is another
 * account than before.
 */
export function createInteractions({ store, config, now }: InteractionsOptions): Interactions {
  const { basePath } = config.publicUrl
  async function find(
    uid: string,
    cookie: string | null | undefined,
    session: Session | null
  ): Promise<NextStep> {
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

  return {
    cookieName: cookieNamesOf(config).interaction,
    async next(uid, cookie, session) {
      try {
        return await find(uid, cookie, session)
      } catch (error) {
        if (error instanceof StoreAway) return { kind: 'unavailable' }
        throw error
      }
    }
  }
}

/** The request without what the sign-in has satisfied; the time it took does not count against `max_age`. */
function toQuery(params: Readonly<Record<string, unknown>>, seconds: number): string {
  const { prompt, max_age: maxAge, ...rest } = params
  const pairs = Object.entries(rest).filter((pair): pair is [string, string] => typeof pair[1] === 'string')
  const query = new URLSearchParams(pairs)
  // The library turns `max_age=0` into `prompt=login`; either way the app gets `auth_time`.
  const wantsTime =
    maxAge !== undefined ||
    String(prompt ?? '')
      .split(' ')
      .includes('login')
  if (wantsTime) query.set('max_age', String(Math.max(Number(maxAge ?? 0), Math.ceil(seconds) + 1)))
  return query.toString()
}
