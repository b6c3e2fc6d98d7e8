import type { ErrorOut, KoaContextWithOIDC } from 'oidc-provider'

/** Usher's pages for people; they send complete responses and need no script. */
export interface Pages {
  error(ctx: KoaContextWithOIDC, out: ErrorOut, error: Error): void
  /** Asks whether to sign out. `form`: the action, and the value that proves where the answer comes from. */
  askSignOut(ctx: KoaContextWithOIDC, form: { readonly action: string; readonly xsrf: string }): void
  signedOut(ctx: KoaContextWithOIDC): void
}
