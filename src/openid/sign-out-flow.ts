import type { KoaContextWithOIDC } from 'oidc-provider'
import type { Pages } from './pages.ts'
import type { SignIns } from './sign-ins.ts'
import { rethrow, type Unavailable } from './unavailable.ts'
import type { Visits } from './visit.ts'

export interface SignOutFlow {
  /** Called by the library for a page; a request that proves whose session it is needs none. */
  logOut(ctx: KoaContextWithOIDC, form: string): Promise<void>
  /** Wraps the library, to do what it leaves undone. */
  middleware(ctx: KoaContextWithOIDC, next: () => Promise<void>): Promise<void>
}

export interface SignOutFlowOptions {
  readonly signIns: Pick<SignIns, 'end'>
  readonly visits: Visits
  readonly pages: Pages
  readonly unavailable: Unavailable
}

/** OpenID Connect RP-Initiated Logout 1.0 §2: an app ends Usher's session, and with it the sign-ins to all apps. */
export function createSignOutFlow({ signIns, visits, pages, unavailable }: SignOutFlowOptions): SignOutFlow {
  /** Apps first: the listeners of the session's end then find nothing left to do. */
  async function signOut(ctx: KoaContextWithOIDC, except?: string): Promise<void> {
    const { session } = ctx.oidc
    try {
      if (session?.uid !== undefined) await signIns.end(session.uid, except)
    } catch (error) {
      rethrow(error, unavailable)
    }
    const line = visits.of(ctx.req).signOut()
    if (line !== '') ctx.append('set-cookie', line)
  }

  function goOn(ctx: KoaContextWithOIDC): void {
    const { post_logout_redirect_uri: target, state } = ctx.oidc.params ?? {}
    ctx.status = 303
    if (typeof target !== 'string') {
      ctx.redirect(ctx.oidc.urlFor('end_session_success'))
      return
    }
    const query = typeof state === 'string' ? `state=${encodeURIComponent(state)}` : ''
    const joint = query === '' ? '' : target.includes('?') ? '&' : '?'
    // Exactly as registered, never re-serialised by a parser.
    ctx.set('location', `${target}${joint}${query}`)
    ctx.status = 303
    ctx.body = ''
  }

  return {
    async logOut(ctx) {
      const { session, entities, client } = ctx.oidc
      const { payload } = (entities['IdTokenHint'] ?? {}) as { payload?: { sub?: unknown } }
      if (session?.accountId !== undefined && payload?.sub === session.accountId) {
        await signOut(ctx, client?.clientId)
        await session.destroy()
        goOn(ctx)
        return
      }
      const xsrf = String(session?.state?.['secret'] ?? '')
      pages.askSignOut(ctx, { action: new URL(ctx.oidc.urlFor('end_session_confirm')).pathname, xsrf })
    },

    async middleware(ctx, next) {
      await next()
      const oidc = ctx.oidc as KoaContextWithOIDC['oidc'] | undefined
      if (oidc === undefined) return
      dropCookie(ctx, oidc.provider.cookieName('session'))
      const { session, route } = oidc
      if (route === 'end_session' && ctx.status === 200 && session?.accountId === undefined) goOn(ctx)
      const { destroyed } = (session ?? {}) as { destroyed?: boolean }
      if (route === 'end_session_confirm' && ctx.status === 303 && destroyed === true) await signOut(ctx)
    }
  }
}

/** The provider's session is a view of Usher's session, whose cookie is the only one. */
function dropCookie(ctx: KoaContextWithOIDC, name: string): void {
  const header: unknown = ctx.response.get('set-cookie')
  const lines = [header].flat().filter((line): line is string => typeof line === 'string' && line !== '')
  const kept = lines.filter((line) => !line.startsWith(`${name}=`) && !line.startsWith(`${name}.sig=`))
  if (kept.length === lines.length) return
  if (kept.length === 0) ctx.remove('set-cookie')
  else ctx.set('set-cookie', kept)
}
