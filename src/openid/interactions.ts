import type { Provider } from 'oidc-provider'
import type { Config } from '../config/config.ts'
import type { Session } from '../session/session.ts'
import { cookieNamesOf } from './configuration.ts'

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
  readonly provider: Provider
  readonly config: Pick<Config, 'publicUrl' | 'instance'>
  readonly now: () => number
}

/** What only a sign-in since the request satisfies; everything else is content with whoever is signed in. */
const FRESH = ['login_prompt', 'max_age', 'id_token_hint', 'select_account_prompt']

/**
 * Starts the request over when somebody is signed in: simpler than to resume it, whose page breaks when that is another
 * account than before.
 */
export function createInteractions({ provider, config, now }: InteractionsOptions): Interactions {
  const { basePath } = config.publicUrl
  return {
    cookieName: cookieNamesOf(config).interaction,
    async next(uid, cookie, session) {
      if (cookie !== uid) return { kind: 'lost' }
      const interaction = await provider.Interaction.find(uid)
      if (interaction === undefined) return { kind: 'lost' }
      const { params, prompt, iat } = interaction
      const demandsFresh = prompt.reasons.some((reason) => FRESH.includes(reason))
      if (session === null || (demandsFresh && session.signedInAt < Number(iat) * 1000))
        return { kind: 'sign-in' }
      await interaction.destroy()
      return { kind: 'go', path: `${basePath}/oidc/auth?${toQuery(params, now() / 1000 - Number(iat))}` }
    }
  }
}

/** The request without what the sign-in has answered; the time that it took counts against no `max_age`. */
function toQuery(params: Readonly<Record<string, unknown>>, seconds: number): string {
  const { prompt: _, max_age: maxAge, ...rest } = params
  const pairs = Object.entries(rest).filter((pair): pair is [string, string] => typeof pair[1] === 'string')
  const query = new URLSearchParams(pairs)
  if (maxAge !== undefined) query.set('max_age', String(Math.max(Number(maxAge), Math.ceil(seconds) + 1)))
  return query.toString()
}
