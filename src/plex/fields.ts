/** Plain data of a response that has not been checked yet. */
export type Fields = Readonly<Record<string, unknown>>

/** The value as an object, or an empty one. */
export function toFields(value: unknown): Fields {
  return isFields(value) ? value : {}
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** One or many: XML and the media server's JSON write a list of one without the list. Null is an empty list. */
export function toList(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value
  return value === undefined || value === null || value === '' ? [] : [value]
}

/** JSON writes true, XML writes 1. */
export function toBoolean(value: unknown): boolean {
  return value === true || value === 1 || value === '1' || value === 'true'
}

/** A whole number, or null. */
export function toInteger(value: unknown): number | null {
  const number = typeof value === 'string' && /^-?\d{1,16}$/.test(value) ? Number(value) : value
  return typeof number === 'number' && Number.isSafeInteger(number) ? number : null
}

/**
 * The text without control characters, or ''. At most `maxBytes` of UTF-8, cut between two characters, so that a
 * session always fits a cookie and a header.
 */
export function toText(value: unknown, maxBytes: number): string {
  if (typeof value !== 'string') return ''
  const text = value.toWellFormed().replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, '')
  const bytes = Buffer.from(text)
  if (bytes.length <= maxBytes) return text
  let end = maxBytes
  // A UTF-8 continuation byte is 10xxxxxx: step back to the start of the character.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1
  return bytes.toString('utf8', 0, end)
}

/** A token that is valid in a header: up to 2,048 visible ASCII characters; otherwise null. */
export function toToken(value: unknown): string | null {
  return typeof value === 'string' && /^[!-~]{1,2048}$/.test(value) ? value : null
}
