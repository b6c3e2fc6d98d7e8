const UTF8 = new TextDecoder('utf-8', { fatal: true })
/** RFC 9110 §5.5: bytes above belong to a text in an encoding that the field does not name. */
const NOT_ASCII = /[^\t\x20-\x7e]/
// RFC 6266 §4.1. An unquoted name extends to the next parameter: servers that do not quote leave blanks in it.
const TYPE = /^[ \t]*([\w!#$%&'*+.^`|~-]+)/
const FILENAME = /;[ \t]*filename[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"?|([^;]*))/i
const EXTENDED_FILENAME = /;[ \t]*filename\*[ \t]*=[ \t]*([\w!#$%&'+.^`|~-]+)/i

export function isAscii(value: string): boolean {
  return !NOT_ASCII.test(value)
}

/**
 * A field's value, given as one character a byte, in ASCII: file names as RFC 6266 §4.3 wants them, other texts
 * percent-encoded. Node refuses to write some bytes above 0x7F, and browsers guess what the others mean.
 */
export function toAsciiField(name: string, value: string): string {
  if (isAscii(value)) return value
  if (name !== 'content-disposition') return toPercent(decodeField(value))
  const [, type = 'attachment'] = TYPE.exec(value) ?? []
  const [, quoted, bare = ''] = FILENAME.exec(value) ?? []
  const filename = decodeField(quoted === undefined ? bare.trim() : quoted.replace(/\\(.)/g, '$1'))
  const extended = EXTENDED_FILENAME.exec(value)?.[1] ?? `UTF-8''${toExtended(filename)}`
  return `${type}; filename="${toFallback(filename)}"; filename*=${extended}`
}

/** The text of a field's value: UTF-8 if it is valid, else ISO-8859-1. */
export function decodeField(value: string): string {
  try {
    return UTF8.decode(Buffer.from(value, 'latin1'))
  } catch {
    return value
  }
}

function toPercent(text: string): string {
  return text.replace(/[^\t\x20-\x7e]+/g, encodeURIComponent)
}

/** RFC 8187 §3.2.1. */
function toExtended(text: string): string {
  return encodeURIComponent(text).replace(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`
  )
}

/** For clients that do not know `filename*`: accents dropped, other characters replaced by low lines. */
function toFallback(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/\p{Mark}+/gu, '')
    .replace(/[^\x20-\x7e]|["\\%]/gu, '_')
}
