import { XMLParser, XMLValidator } from 'fast-xml-parser'
import { Problem } from '../domain/problems.ts'

export interface Answer {
  readonly contentType: string
  readonly body: Buffer
}

/** Deeper than anything Plex sends. Code that walks a response may therefore recurse. */
const MAX_DEPTH = 32

/**
 * The plain data of a JSON or XML response; XML attributes become fields of their element. Throws
 * USHER_UPSTREAM_INVALID for anything else: HTML, a truncated body, a document type, too much nesting.
 */
export function parseAnswer({ contentType, body }: Answer): unknown {
  const text = body
    .toString('utf8')
    .replace(/^\ufeff/, '')
    .trimStart()
  // The first character decides between the two, because Content-Type is not always right.
  const isXml = text.startsWith('<')
  if (/html/i.test(contentType) && isXml) throw new Problem('USHER_UPSTREAM_INVALID')
  try {
    return isXml ? parseXml(text) : parseJson(text)
  } catch {
    // Do not keep the parser's error as a cause: it quotes the response.
    throw new Problem('USHER_UPSTREAM_INVALID')
  }
}

function parseJson(text: string): unknown {
  const data: unknown = JSON.parse(text)
  if (typeof data !== 'object' || data === null) throw new TypeError('neither an object nor a list')
  clean(data, MAX_DEPTH)
  return data
}

/**
 * Drops own fields named __proto__: a careless assignment would make them a prototype. Not by a reviver of JSON.parse,
 * which takes three times the memory.
 */
function clean(data: unknown, left: number): void {
  if (typeof data !== 'object' || data === null) return
  if (left === 0) throw new RangeError('nested too deeply')
  if (Array.isArray(data)) {
    for (const value of data) clean(value, left - 1)
    return
  }
  if (Object.hasOwn(data, '__proto__')) Reflect.deleteProperty(data, '__proto__')
  for (const value of Object.values(data)) clean(value, left - 1)
}

function parseXml(text: string): unknown {
  // SECURITY rule 57: entities and external references come from a document type.
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
    // Without a document type, only predefined entities and numeric references remain.
    processEntities: true,
    htmlEntities: true,
    // Otherwise the path of every element is written out, and long names take time in the square of their length.
    jPath: false,
    maxNestedTags: MAX_DEPTH
  })
}
