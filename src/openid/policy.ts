import type { interactionPolicy, KoaContextWithOIDC } from 'oidc-provider'
import type { OidcLibrary } from './library.ts'

/**
 * What stands between a request and its code: somebody who is signed in, newly where the app asks for it, and may enter
 * the app. `mayEnter` throws where that cannot be told.
 */
export function createPolicy(
  { interactionPolicy: { base, Check, Prompt }, errors }: OidcLibrary,
  mayEnter: (ctx: KoaContextWithOIDC) => Promise<boolean>
): interactionPolicy.DefaultPolicy {
  const policy = base()
  // The operator lists the apps, so nobody is asked for consent: not by a page, and not for a phone's app.
  const consent = policy.get('consent')
  consent?.checks.remove('native_client_prompt')
  consent?.checks.remove('consent_prompt')
  policy.get('login')?.checks.add(
    new Check('access', 'this account may not open this app', 'access_denied', async (ctx) => {
      const { oidc } = ctx
      // Whoever signs in anew, as another account perhaps, is asked about afterwards.
      if (oidc.session?.accountId === undefined || oidc.promptPending('login')) return Check.NO_NEED_TO_PROMPT
      if (await mayEnter(ctx)) return Check.NO_NEED_TO_PROMPT
      const denied = new errors.AccessDenied('this account may not open this app')
      if (!oidc.promptPending('none')) {
        // Sent back with an error, many apps would begin again at once, and so on.
        denied.allow_redirect = false
        denied.status = 403
        denied.statusCode = 403
      }
      throw denied
    })
  )
  // Some apps ask for it, and prompts that are not known are refused.
  policy.add(new Prompt({ name: 'select_account', requestable: true }), 0)
  return policy
}
