import { createHash, timingSafeEqual } from 'node:crypto'
import type { KoaContextWithOIDC, Provider } from 'oidc-provider'
import type { OpenIdClient } from './clients.ts'
import { sessionIdOf, uidOf } from './names.ts'
import type { SignIns } from './sign-ins.ts'
import { rethrow, type Unavailable } from './unavailable.ts'
import type { Visits } from './visit.ts'

export interface SeamsOptions {
  readonly provider: Provider
  readonly clients: ReadonlyMap<string, OpenIdClient>
  readonly signIns: SignIns
  readonly visits: Visits
  /** The state of a form, by the session's uid: who has entered no app yet may be asked, too. */
  readonly formOf: (uid: string) => Promise<object | null>
  readonly unavailable: Unavailable
}

/** Signs and sends one logout token, by the library's own function. */
export type SendLogout = (clientId: string, sub: string, sid: string) => Promise<void>

type View = InstanceType<Provider['Session']>

interface ClientPrototype {
  compareClientSecret(this: { clientId: string }, actual: string): boolean
  backchannelLogout(this: unknown, sub: string, sid: string): Promise<void>
}

/**
 * Three of the four places that rely on undocumented behaviour of the library; the fourth is the id of a grant, which
 * is set before it is saved. test/src/openid/seams.test.ts fails if an update changes one.
 */
export function installSeams(options: SeamsOptions): SendLogout {
  const { provider, clients, signIns, visits, formOf, unavailable } = options
  const prototype = provider.Client.prototype as unknown as ClientPrototype
  const original = prototype.backchannelLogout

  prototype.compareClientSecret = function compare(actual) {
    return isSecretOf(clients.get(this.clientId)?.secretHashes ?? [], actual)
  }

  // What the library would send at once is queued instead, to survive a restart or an app that is away.
  prototype.backchannelLogout = (_sub, sid) => signIns.leaveBySid(sid)

  const { Session } = provider
  Session.get = async (context) => {
    // The types name Koa's own context.
    const ctx = context as unknown as KoaContextWithOIDC
    const session = await viewOf(ctx)
    ctx.oidc.entity('Session', session)
    return session
  }

  /**
   * The provider's session is a view of Usher's session, so the two cannot differ, and an app's first `prompt=none`
   * request succeeds.
   */
  async function viewOf(ctx: KoaContextWithOIDC): Promise<View> {
    const { read, standing } = visits.of(ctx.req)
    if (read === null) return instantiate()
    if (standing === 'past-grace' && ctx.oidc.route === 'authorization')
      throw unavailable('plex.tv has been away for too long')
    const own = read.live.session
    const view = (await find(own.id)) ?? (await make(own.id))
    view.accountId = String(own.account.id)
    view.loginTs = Math.floor(own.signedInAt / 1000)
    view.iat = view.loginTs
    view.exp = Math.floor(own.expiresAt / 1000)
    return view
  }

  function instantiate(payload?: object): View {
    return (Session as unknown as { instantiate(from?: object): View }).instantiate(payload)
  }

  async function find(sessionId: string): Promise<View | undefined> {
    try {
      const record = await signIns.ofSession(sessionId)
      return record === null ? undefined : await Session.findByUid(record.uid)
    } catch (error) {
      return rethrow(error, unavailable)
    }
  }

  /** Of somebody who has entered no app yet. */
  async function make(sessionId: string): Promise<View> {
    try {
      const uid = uidOf(sessionId)
      const state = await formOf(uid)
      return instantiate({ kind: 'Session', jti: sessionIdOf(uid), uid, ...(state !== null && { state }) })
    } catch (error) {
      return rethrow(error, unavailable)
    }
  }

  return async (clientId, sub, sid) => {
    const client = await provider.Client.find(clientId)
    if (client !== undefined) await original.call(client, sub, sid)
  }
}

/**
 * Whether the secret matches one of the hashes; all are compared, so that the time reveals nothing (SECURITY rule
 * 12).
 */
export function isSecretOf(hashes: readonly string[], secret: string): boolean {
  const actual = createHash('sha256').update(secret).digest()
  return hashes
    .map((hash) => timingSafeEqual(Buffer.from(hash.replace('sha256:', ''), 'hex'), actual))
    .includes(true)
}
