import type { Configuration, FindAccount, KoaContextWithOIDC } from 'oidc-provider'
import type { AccessRules } from '../apps/access.ts'
import type { Config } from '../config/config.ts'
import type { Session } from '../session/session.ts'
import type { Store } from '../store/store.ts'
import { createAdapterFactory } from './adapter.ts'
import { toClaims } from './claims.ts'
import { type OpenIdClient, originsOf } from './clients.ts'
import type { OidcLibrary } from './library.ts'
import { grantIdOf, sidOf } from './names.ts'
import type { Pages } from './pages.ts'
import type { People } from './people.ts'
import { createPolicy } from './policy.ts'
import type { SignIns } from './sign-ins.ts'
import { rethrow, type Unavailable } from './unavailable.ts'
import { clientRules } from './validation.ts'
import type { Visits } from './visit.ts'

export interface ConfigurationOptions {
  readonly library: OidcLibrary
  readonly config: Pick<Config, 'publicUrl' | 'plexUrl' | 'oidc' | 'instance' | 'sessionMaxMs'>
  readonly clients: ReadonlyMap<string, OpenIdClient>
  readonly store: Store
  readonly signIns: SignIns
  readonly people: People
  readonly rules: Pick<AccessRules, 'asksLibraries' | 'namesLibraries'>
  readonly visits: Visits
  readonly pages: Pages
  readonly unavailable: Unavailable
  /** Sends the library's requests: sign-outs to apps, nothing else. */
  readonly fetch: NonNullable<Configuration['fetch']>
  readonly logOut: (ctx: KoaContextWithOIDC, form: string) => Promise<void>
  readonly now: () => number
}

const MINUTE_S = 60

/** Names of the cookies between a request and its sign-in. They have paths, so they cannot have `__Host-`. */
export function cookieNamesOf({ publicUrl, instance }: Pick<Config, 'publicUrl' | 'instance'>) {
  const prefix = `${publicUrl.secure ? '__Secure-' : ''}usher-oidc${instance === null ? '' : `-${instance}`}`
  return { session: `${prefix}-session`, interaction: prefix, resume: `${prefix}-resume` }
}

/** The library's configuration. Every feature that is not named here is off. */
export function createConfiguration(options: ConfigurationOptions): Configuration {
  const { library, config, clients, store, signIns, people, rules, visits, pages, unavailable, now } = options
  const { publicUrl, plexUrl } = config

  const clientOf = (ctx: KoaContextWithOIDC | undefined): OpenIdClient | undefined =>
    clients.get(ctx?.oidc.client?.clientId ?? '')

  /** What is left of the session's absolute lifetime, in seconds. */
  function restOf(ctx: KoaContextWithOIDC): number {
    const until = ctx.oidc.session?.exp ?? ctx.oidc.entities.Grant?.exp
    const rest = until === undefined ? config.sessionMaxMs / 1000 : until - Math.floor(now() / 1000)
    return Math.max(1, Math.floor(rest))
  }

  const findAccount: FindAccount = async (ctx, sub, token) => {
    const client = clientOf(ctx)
    if (client === undefined) return undefined
    const scopes = new Set(token === undefined ? ctx.oidc.requestParamScopes : (token.scope ?? '').split(' '))
    const wanted = scopes.has('groups') || rules.asksLibraries(client.access)
    try {
      const { sessionUid: uid } = (token ?? {}) as { sessionUid?: unknown }
      if (token === undefined) {
        const { read } = visits.of(ctx.req)
        if (read === null) return undefined
        const { session } = read.live
        const person = await people.person(session, wanted)
        return { accountId: sub, claims: async () => toTold(session, undefined, people.groups(person)) }
      }
      const record = typeof uid === 'string' ? await signIns.find(uid) : null
      const session = record === null ? null : people.sessionOf(record)
      if (record === null || session === null || String(session.account.id) !== sub) return undefined
      // plex.tv has said once that access is gone, not yet twice: that signs nobody out.
      const standing = await people.settle(session)
      if (standing === 'ended') return undefined
      if (standing === 'denied') throw unavailable('plex.tv is asked once more about the access')
      if (standing === 'past-grace') throw unavailable('plex.tv has been away for too long')
      const person = await people.person(session, wanted)
      const verdict = people.decide(client, person)
      if (verdict === 'unknown') throw unavailable('the media server has not answered about libraries')
      if (verdict === 'no') return undefined
      const sid = sidOf(record.uid, client.id)
      return { accountId: sub, claims: async () => toTold(session, sid, people.groups(person)) }
    } catch (error) {
      return rethrow(error, unavailable)
    }
  }

  function toTold(session: Pick<Session, 'account'>, sid: string | undefined, groups: readonly string[]) {
    return toClaims(session, { sid, groups, plexUrl })
  }

  async function mayEnter(ctx: KoaContextWithOIDC): Promise<boolean> {
    const client = clientOf(ctx)
    const { read, standing } = visits.of(ctx.req)
    if (client === undefined || read === null || standing === 'denied') return false
    const person = await people.person(read.live.session, rules.asksLibraries(client.access))
    const verdict = people.decide(client, person)
    if (verdict === 'unknown') throw unavailable('the media server has not answered about libraries')
    return verdict === 'yes'
  }

  /**
   * The session's grant for this app, extended by the current request. A second grant would kill the first one's
   * tokens.
   */
  async function loadExistingGrant(ctx: KoaContextWithOIDC) {
    const { client, session } = ctx.oidc
    const { read } = visits.of(ctx.req)
    if (client === undefined || session?.accountId === undefined || read === null) return undefined
    if (!(await mayEnter(ctx))) return undefined
    try {
      const { session: own } = read.live
      await signIns.begin(own, people.librariesOf(own))
    } catch (error) {
      rethrow(error, unavailable)
    }
    const { uid } = session
    session.sidFor(client.clientId, sidOf(uid, client.clientId))
    const { Grant } = ctx.oidc.provider
    const jti = grantIdOf(uid, client.clientId)
    const grant =
      (await Grant.find(jti)) ?? new Grant({ accountId: session.accountId, clientId: client.clientId })
    const asked = [...ctx.oidc.requestParamOIDCScopes].join(' ')
    const before = grant.getOIDCScope()
    grant.addOIDCScope(asked)
    if (grant.jti === undefined || grant.getOIDCScope() !== before) {
      // Derived, not random: two requests that enter the same app at once write the same grant.
      grant.jti = jti
      await grant.save()
    }
    return grant
  }

  return {
    adapter: createAdapterFactory({
      library,
      store,
      signIns,
      unavailable,
      clientOfRequest: () => library.Provider.ctx?.oidc.client?.clientId ?? null,
      uidOfRequest: () => library.Provider.ctx?.oidc.session?.uid ?? null,
      now
    }),
    ...clientRules(config),
    // Many apps read only the ID token.
    conformIdTokenClaims: false,
    allowOmittingSingleRegisteredRedirectUri: false,
    pkce: {
      required: (_ctx, client) =>
        clients.get(client.clientId)?.pkce !== 'optional' || client.clientAuthMethod === 'none'
    },
    routes: {
      authorization: '/oidc/auth',
      token: '/oidc/token',
      userinfo: '/oidc/userinfo',
      jwks: '/oidc/jwks',
      revocation: '/oidc/revoke',
      end_session: '/oidc/logout'
    },
    cookies: {
      names: cookieNamesOf(config),
      short: { signed: false, httpOnly: true, sameSite: 'lax', secure: publicUrl.secure },
      long: { signed: false, httpOnly: true, sameSite: 'lax', secure: publicUrl.secure }
    },
    features: {
      backchannelLogout: { enabled: true },
      devInteractions: { enabled: false },
      dPoP: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      resourceIndicators: { enabled: false },
      revocation: {
        enabled: true,
        allowedPolicy: async (_ctx, client, token) => token.clientId === client.clientId
      },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: options.logOut,
        postLogoutSuccessSource: async (ctx) => pages.signedOut(ctx)
      },
      userinfo: { enabled: true }
    },
    clientBasedCORS: (ctx, origin, client) => {
      const known = clients.get(client.clientId)
      return ctx.oidc !== undefined && known !== undefined && originsOf(known).has(origin)
    },
    expiresWithSession: () => true,
    issueRefreshToken: async (_ctx, client) => clients.get(client.clientId)?.refresh === true,
    rotateRefreshToken: (ctx) => ctx.oidc.client?.clientAuthMethod === 'none',
    loadExistingGrant,
    findAccount,
    interactions: {
      policy: createPolicy(library, mayEnter),
      url: (_ctx, interaction) => `${publicUrl.basePath}/oidc/interaction/${interaction.uid}`
    },
    renderError: async (ctx, out, error) => pages.error(ctx, out, error),
    fetch: options.fetch,
    ttl: {
      AuthorizationCode: MINUTE_S,
      AccessToken: (ctx) => Math.min(60 * MINUTE_S, restOf(ctx)),
      IdToken: 60 * MINUTE_S,
      Interaction: 15 * MINUTE_S,
      Session: restOf,
      Grant: restOf,
      RefreshToken: restOf
    }
  }
}
