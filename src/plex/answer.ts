import { XMLParser, XMLValidator } from 'fast-xml-parser'
import { Problem } from '../domain/problems.ts'

export interface Answer {
  readonly contentType: string
  readonly body: Buffer
}

/** Deeper than anything Plex sends; what walks over an answer may then recurse. */
const MAX_DEPTH = 32

/**
 * The plain data of a JSON or XML answer; XML attributes become fields of their element. Throws
 * USHER_UPSTREAM_INVALID for anything else: HTML, a truncated body, a document type, too much nesting.
 */
export function parseAnswer({ contentType, body }: Answer): unknown {
  const text = body
    .toString('utf8')
    .replace(/^\ufeff/, '')
    .trimStart()
  // The first character decides between the two, because the type is not always told truly.
  const isXml = text.startsWith('<')
  if (/html/i.test(contentType) && isXml) throw new Problem('USHER_UPSTREAM_INVALID')
  try {
    return isXml ? parseXml(text) : parseJson(text)
  } catch {
    // The parser's error quotes the answer, so it is no cause to keep.
    throw new Problem('USHER_UPSTREAM_INVALID')
  }
}

function parseJson(text: string): unknown {
  // Own fields named __proto__ are dropped: copied by a careless assignment they would become a prototype.
  const data: unknown = JSON.parse(text, (key, value) => (key === '__proto__' ? undefined : value))
  if (typeof data !== 'object' || data === null) throw new TypeError('neither an object nor a list')
  requireDepth(data, MAX_DEPTH)
  return data
}

function requireDepth(data: unknown, left: number): void {
  if (typeof data !== 'object' || data === null) return
  if (left === 0) throw new RangeError('nested too deeply')
  for (const value of Object.values(data)) requireDepth(value, left - 1)
}

function parseXml(text: string): unknown {
  // SECURITY rule 57: a document type is where entities and external references come from.
  if (/<!(?:DOCTYPE|ENTITY)/i.test(text)) throw new TypeError('document type')
  const verdict = XMLValidator.validate(text)
  if (verdict !== true) throw new TypeError(verdict.err.code)
  return createXmlParser().parse(text)
}

function createXmlParser(): XMLParser {
  return new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: '',
    parseTagValue: false,
    parseAttributeValue: false,
    ignoreDeclaration: true,
    ignorePiTags: true,
    // Without a document type only the predefined entities and numeric references are left to decode.
    processEntities: true,
    htmlEntities: true,
    maxNestedTags: MAX_DEPTH
  })
}
