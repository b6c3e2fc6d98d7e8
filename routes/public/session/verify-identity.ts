import type { Role } from '../../../src/domain/roles.ts'
import type { Session } from '../../../src/session/session.ts'

/** Bytes of all identity headers: with the rest of the answer they fit nginx's default buffer, a page of 4 KB. */
const MAX_BYTES = 3072

/** The identity headers of a yes: every one every time, empty where unknown, so that no client's own survives. */
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
  // Tokens as long as plex.tv's JWTs make an assertion that does not fit: none, rather than a proxy's 502.
  return bytes < MAX_BYTES ? headers : { ...headers, 'x-usher-assertion': '' }
}

/** Header values are octets (RFC 9110 §5.5): names beyond ASCII go as UTF-8, without controls. */
function toHeader(text: string): string {
  return Buffer.from(text.replace(/[\u0000-\u001f\u007f]/g, ''), 'utf8').toString('latin1')
}
