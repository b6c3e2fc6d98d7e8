import type { AccountClaims } from 'oidc-provider'
import type { Session } from '../session/session.ts'

/** The claims of each scope; null: those that the library adds itself. */
export const CLAIMS = {
  auth_time: null,
  iss: null,
  openid: ['sub', 'sid'],
  profile: ['preferred_username', 'name', 'picture'],
  email: ['email', 'email_verified'],
  groups: ['groups']
}

/** What an app learns about an account: nothing that signs in anywhere, and only a confirmed e-mail address. */
export function toClaims(
  { account }: Pick<Session, 'account'>,
  { sid, groups, plexUrl }: { sid: string | undefined; groups: readonly string[]; plexUrl: string }
): AccountClaims {
  const { id, uuid, username, title, email, emailVerified } = account
  return {
    sub: String(id),
    sid,
    preferred_username: username.trim() === '' ? uuid : username,
    name: title,
    // Apps fetch it from their server, without a cookie, so this is the public address at plex.tv.
    picture: `${plexUrl}/users/${uuid}/avatar`,
    // Apps that link accounts by e-mail address trust the provider's.
    ...(emailVerified && email !== '' && { email, email_verified: true }),
    groups: [...groups]
  }
}
