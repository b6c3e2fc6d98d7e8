import type { Role } from '../../../src/domain/roles.ts'
import type { Session } from '../../../src/session/session.ts'

/** Bytes of all identity headers: with the rest of the response they fit nginx's default buffer of 4 KB. */
const MAX_BYTES = 3072

/** The identity headers of a 204: always all of them, empty if unknown, so that none from a client survives. */
export function identityHeaders({ account }: Session, role: Role, assertion: string): Record<string, string> {
  const headers = {
    'remote-user': toHeader(account.username.trim() === '' ? account.uuid : account.username),
    'remote-name': toHeader(account.title),
    'remote-email': toHeader(account.email),
    'remote-groups': role,
    'x-usher-account-id': String(account.id),
    'x-usher-assertion': assertion
  }
  const bytes = Object.entries(headers).reduce(
    (sum, [name, value]) => sum + name.length + value.length + 4,
    0
  )
  // With tokens as long as plex.tv's JWTs the assertion does not fit: send none rather than cause a proxy's 502.
  return bytes < MAX_BYTES ? headers : { ...headers, 'x-usher-assertion': '' }
}

/** Header values are octets (RFC 9110 §5.5): names beyond ASCII are sent as UTF-8, without control characters. */
function toHeader(text: string): string {
  return Buffer.from(text.replace(/[\u0000-\u001f\u007f]/g, ''), 'utf8').toString('latin1')
}
