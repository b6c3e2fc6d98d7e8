/** How a session began: by password, by a PIN on Plex's page, or by switching Home profiles. */
export const SIGN_IN_METHODS = ['password', 'pin', 'home'] as const
export type SignInMethod = (typeof SIGN_IN_METHODS)[number]

export function isSignInMethod(value: unknown): value is SignInMethod {
  return SIGN_IN_METHODS.some((method) => method === value)
}
