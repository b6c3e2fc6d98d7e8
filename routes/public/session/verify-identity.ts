import type { Session } from '../../../src/session/session.ts'

export interface Identity {
  readonly session: Session
  /** The role first. */
  readonly labels: readonly string[]
  readonly assertion: string
  /** The app's own, which are a kilobyte at most. */
  readonly appHeaders: Readonly<Record<string, string>>
}

/** Bytes of all headers: with the rest of the answer they fit nginx's default buffer, a page of 4 KB. */
const MAX_BYTES = 3072

/** The headers of a yes: every one every time, empty where unknown, so that no client's own survives. */
export function identityHeaders({
  session,
  labels,
  assertion,
  appHeaders
}: Identity): Record<string, string> {
  const { account } = session
  const headers: Record<string, string> = {
    'remote-user': toHeader(account.username.trim() === '' ? account.uuid : account.username),
    'remote-name': toHeader(account.title),
    'remote-email': toHeader(account.email),
    'remote-groups': labels.map(toHeader).join(','),
    'x-usher-account-id': String(account.id),
    'x-usher-assertion': assertion,
    ...appHeaders
  }
  // Tokens as long as plex.tv's JWTs make an assertion that does not fit: none, rather than a proxy's 502.
  if (sizeOf(headers) >= MAX_BYTES) headers['x-usher-assertion'] = ''
  for (let kept = labels.length - 1; kept > 0 && sizeOf(headers) >= MAX_BYTES; kept -= 1)
    headers['remote-groups'] = labels.slice(0, kept).map(toHeader).join(',')
  return headers
}

function sizeOf(headers: Readonly<Record<string, string>>): number {
  return Object.entries(headers).reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0)
}

/** Header values are octets (RFC 9110 §5.5): names beyond ASCII are sent as UTF-8, without control characters. */
function toHeader(text: string): string {
  return Buffer.from(text.replace(/[\u0000-\u001f\u007f]/g, ''), 'utf8').toString('latin1')
}
