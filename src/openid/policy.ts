import type { interactionPolicy, KoaContextWithOIDC } from 'oidc-provider'
import type { OidcLibrary } from './library.ts'

/**
 * What a request needs before it gets a code: somebody who is signed in (again, if the app asks for that) and may
 * enter the app. `mayEnter` throws if that cannot be determined.
 */
export function createPolicy(
  { interactionPolicy: { base, Check, Prompt }, errors }: OidcLibrary,
  mayEnter: (ctx: KoaContextWithOIDC) => Promise<boolean>
): interactionPolicy.DefaultPolicy {
  const policy = base()
  // The operator lists the apps, so nobody is asked for consent, not even for native apps.
  const consent = policy.get('consent')
  consent?.checks.remove('native_client_prompt')
  consent?.checks.remove('consent_prompt')
  policy.get('login')?.checks.add(
    new Check('access', 'this account may not open this app', 'access_denied', async (ctx) => {
      const { oidc } = ctx
      // A person who has to sign in again, perhaps as another account, is checked afterwards.
      if (oidc.session?.accountId === undefined || oidc.promptPending('login')) return Check.NO_NEED_TO_PROMPT
      if (await mayEnter(ctx)) return Check.NO_NEED_TO_PROMPT
      const denied = new errors.AccessDenied('this account may not open this app')
      if (!oidc.promptPending('none')) {
        // Many apps would answer an error by starting again at once, without end.
        denied.allow_redirect = false
        denied.status = 403
        denied.statusCode = 403
      }
      throw denied
    })
  )
  // Some apps send it, and unknown prompts would be refused.
  policy.add(new Prompt({ name: 'select_account', requestable: true }), 0)
  return policy
}
