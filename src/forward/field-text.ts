const UTF8 = new TextDecoder('utf-8', { fatal: true })
/** RFC 9110 §5.5: what every parser takes in a value. A byte above belongs to a text in some encoding. */
const NOT_ASCII = /[^\t\x20-\x7e]/
// RFC 6266 §4.1. An unquoted name runs to the next parameter: servers that do not quote send blanks in it too.
const TYPE = /^[ \t]*([\w!#$%&'*+.^`|~-]+)/
const FILENAME = /;[ \t]*filename[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"?|([^;]*))/i
const EXTENDED_FILENAME = /;[ \t]*filename\*[ \t]*=[ \t]*([\w!#$%&'+.^`|~-]+)/i

export function isAscii(value: string): boolean {
  return !NOT_ASCII.test(value)
}

/**
 * The value of an answer's field, read as one character a byte, in ASCII: the name in a Content-Disposition as RFC 6266
 * has it, whatever else percent-encoded. Node refuses some bytes above 0x7F and browsers guess at the rest.
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

/** The text that the bytes of a field's value mean: UTF-8 where they are that, else ISO-8859-1. */
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

/** For clients that know no `filename*`: without accents, and a low line for each character that has no letter. */
function toFallback(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/\p{Mark}+/gu, '')
    .replace(/[^\x20-\x7e]|["\\%]/gu, '_')
}
