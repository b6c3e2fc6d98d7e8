import { OAuthError } from './oauth-error.ts'

export const GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:token-exchange'

export const TOKEN_TYPES = {
  session: 'urn:usher:params:oauth:token-type:session',
  assertion: 'urn:usher:params:oauth:token-type:assertion',
  transient: 'urn:plex:params:oauth:token-type:transient',
  access_token: 'urn:ietf:params:oauth:token-type:access_token'
} as const

export type RequestedType = 'transient' | 'access_token'

/** A token exchange request (RFC 8693 §2.1) whose syntax is valid; nothing else is checked yet. */
export interface TokenRequest {
  /** Null: the deployment's owner. */
  readonly subject: { readonly type: 'session' | 'assertion'; readonly token: string } | null
  readonly type: RequestedType
  readonly scope: string | undefined
  readonly audiences: readonly string[]
  readonly resources: readonly string[]
  /** Seconds. */
  readonly expiresIn: number | undefined
}

/** The members as received, from a form or JSON. Others are ignored (RFC 6749 §3.2). */
export interface TokenRequestMembers {
  readonly grant_type?: string
  readonly subject_token?: string
  readonly subject_token_type?: string
  readonly requested_token_type?: string
  readonly actor_token?: string
  readonly scope?: string
  readonly audience?: string | string[]
  readonly resource?: string | string[]
  readonly expires_in?: string | number
}

/** The members that RFC 8693 §2.1 allows more than once. */
const REPEATABLE: readonly string[] = ['audience', 'resource']

/** Parses a form; throws invalid_request for a repeated member (RFC 6749 §3.2). */
export function readForm(text: string): Record<string, string | string[]> {
  const form = new Map<string, string | string[]>()
  for (const [name, value] of new URLSearchParams(text)) {
    const known = form.get(name)
    if (known === undefined) form.set(name, value)
    else if (REPEATABLE.includes(name)) form.set(name, [known, value].flat())
    else throw new OAuthError('invalid_request', 'A parameter is repeated.')
  }
  return Object.fromEntries(form)
}

/** Throws invalid_request or unsupported_grant_type. */
export function readTokenRequest(members: TokenRequestMembers): TokenRequest {
  const { grant_type: grantType, scope, audience, resource } = members
  if (!grantType) throw new OAuthError('invalid_request', 'The parameter grant_type is missing.')
  if (grantType !== GRANT_TYPE) {
    throw new OAuthError(
      'unsupported_grant_type',
      'The only supported grant type is token exchange (RFC 8693).'
    )
  }
  // Ignoring it would issue a token that does not act for the party it names.
  if (members.actor_token !== undefined) {
    throw new OAuthError('invalid_request', 'An actor token is not supported.')
  }
  return {
    subject: readSubject(members),
    type: readType(members.requested_token_type),
    scope: scope || undefined,
    audiences: toList(audience),
    resources: toList(resource),
    expiresIn: readSeconds(members.expires_in)
  }
}

function readSubject(members: TokenRequestMembers): TokenRequest['subject'] {
  const { subject_token: token, subject_token_type: type } = members
  if (token === undefined && type === undefined) return null
  // RFC 6749 §3.2 treats an empty member as omitted. Here that would turn a missing cookie into the owner's token, so
  // an empty subject is refused.
  if (!token || !type) {
    throw new OAuthError('invalid_request', 'subject_token and subject_token_type must be sent together.')
  }
  if (type === TOKEN_TYPES.session) return { type: 'session', token }
  if (type === TOKEN_TYPES.assertion) return { type: 'assertion', token }
  throw new OAuthError('invalid_request', 'This subject_token_type is not supported.')
}

function readType(type: string | undefined): RequestedType {
  if (!type || type === TOKEN_TYPES.transient) return 'transient'
  if (type === TOKEN_TYPES.access_token) return 'access_token'
  throw new OAuthError('invalid_request', 'This requested_token_type is not supported.')
}

function readSeconds(value: string | number | undefined): number | undefined {
  if (value === undefined || value === '') return undefined
  const seconds = /^\d{1,9}$/.test(String(value)) ? Number(value) : 0
  if (seconds < 1) throw new OAuthError('invalid_request', 'expires_in must be a whole number of seconds.')
  return seconds
}

function toList(value: string | string[] | undefined): readonly string[] {
  return [value ?? []].flat().filter((item) => item !== '')
}
