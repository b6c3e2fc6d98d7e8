/**
 * The bytes of canonical base64url (RFC 4648 §5, without padding), or null. Node decodes many spellings to the same
 * bytes: it skips unknown characters, accepts the other alphabet too, and drops the surplus bits of the last
 * character (SECURITY rule 2).
 */
export function fromBase64url(text: string): Buffer | null {
  const rest = text.length % 4
  if (rest === 1 || text.includes('+') || text.includes('/')) return null
  const bytes = Buffer.from(text, 'base64url')
  if (bytes.length !== Math.floor((text.length * 3) / 4)) return null
  if (rest === 0) return bytes
  return bytes.toString('base64url', bytes.length - rest + 1) === text.slice(-rest) ? bytes : null
}
