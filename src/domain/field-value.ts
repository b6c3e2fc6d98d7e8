/**
 * Whether it may be the value of a field (RFC 9110 §5.5): visible characters, white space and obs-text. Not a regular
 * expression, because each takes 50 ns to begin, sixteen times a forwarded request.
 */
export function isFieldValue(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i)
    if ((code < 0x20 && code !== 0x09) || code === 0x7f || code > 0xff) return false
  }
  return true
}
