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
  readonly unavailable: Unavailable
}

/** Signs and sends one logout token, as the library does it. */
export type SendLogout = (clientId: string, sub: string, sid: string) => Promise<void>

interface ClientPrototype {
  compareClientSecret(this: { clientId: string }, actual: string): boolean
  backchannelLogout(this: unknown, sub: string, sid: string): Promise<void>
}

/**
 * Three of the four places at which this leans on the library beyond its documentation; the fourth is the id of a grant,
 * set before it is saved. test/src/openid/seams.test.ts fails where an update moves one.
 */
export function installSeams({ provider, clients, signIns, visits, unavailable }: SeamsOptions): SendLogout {
  const prototype = provider.Client.prototype as unknown as ClientPrototype
  const original = prototype.backchannelLogout

  prototype.compareClientSecret = function compare(actual) {
    return isSecretOf(clients.get(this.clientId)?.secretHashes ?? [], actual)
  }

  // What the library would send at once goes into the queue, where it outlives a restart and an app that is away.
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
   * The provider's session is a view of Usher's: who has an open one is signed in here, and nobody else. So nothing can
   * differ between the two, and an app's first silent question is answered.
   */
  async function viewOf(ctx: KoaContextWithOIDC): Promise<InstanceType<typeof Session>> {
    const { read, standing } = visits.of(ctx.req)
    const make = (payload?: object) =>
      (Session as unknown as { instantiate(from?: object): InstanceType<typeof Session> }).instantiate(
        payload
      )
    if (read === null) return make()
    if (standing === 'past-grace' && ctx.oidc.route === 'authorization')
      throw unavailable('plex.tv has been away for too long')
    const own = read.live.session
    let uid: string
    try {
      uid = (await signIns.ofSession(own.id))?.uid ?? uidOf(own.id)
    } catch (error) {
      return rethrow(error, unavailable)
    }
    const view = (await Session.findByUid(uid)) ?? make({ kind: 'Session', jti: sessionIdOf(uid), uid })
    view.accountId = String(own.account.id)
    view.loginTs = Math.floor(own.signedInAt / 1000)
    view.iat = view.loginTs
    view.exp = Math.floor(own.expiresAt / 1000)
    return view
  }

  return async (clientId, sub, sid) => {
    const client = await provider.Client.find(clientId)
    if (client !== undefined) await original.call(client, sub, sid)
  }
}

/** Whether one of the hashes is that of the secret; each is compared, so that the time tells nothing (SECURITY rule 12). */
export function isSecretOf(hashes: readonly string[], secret: string): boolean {
  const actual = createHash('sha256').update(secret).digest()
  return hashes
    .map((hash) => timingSafeEqual(Buffer.from(hash.replace('sha256:', ''), 'hex'), actual))
    .includes(true)
}
