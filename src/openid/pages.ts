import type { ErrorOut, KoaContextWithOIDC } from 'oidc-provider'

/** The pages of the house, for a person who looks; they answer by themselves and need no script. */
export interface Pages {
  error(ctx: KoaContextWithOIDC, out: ErrorOut, error: Error): void
  /** Asks whether to sign out. `form`: the action and the value that proves where the answer comes from. */
  askSignOut(ctx: KoaContextWithOIDC, form: { readonly action: string; readonly xsrf: string }): void
  signedOut(ctx: KoaContextWithOIDC): void
}
