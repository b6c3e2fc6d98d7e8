import type { AccountClaims } from 'oidc-provider'
import type { Session } from '../session/session.ts'

/** Which claims a scope asks for; null: those that the library adds by itself. */
export const CLAIMS = {
  auth_time: null,
  iss: null,
  openid: ['sub', 'sid'],
  profile: ['preferred_username', 'name', 'picture'],
  email: ['email', 'email_verified'],
  groups: ['groups']
}

/** What an app is told of an account: nothing of it signs in anywhere, and nobody's address but a confirmed one. */
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
    // Apps fetch it from their server, without a cookie: the address at plex.tv, which is public.
    picture: `${plexUrl}/users/${uuid}/avatar`,
    // Apps that link accounts by address trust whoever tells one.
    ...(emailVerified && email !== '' && { email, email_verified: true }),
    groups: [...groups]
  }
}
