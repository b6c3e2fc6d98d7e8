/** The content codings that Usher applies, the preferred one first: zstd costs the least for its ratio. */
export const CODINGS = ['zstd', 'br', 'gzip'] as const
export type Coding = (typeof CODINGS)[number]

/** Bytes below which a text fits into one packet beside its head: packing it takes longer than forwarding it. */
export const LEAST_BYTES = 1400

/** Subtitles and playlists have many types; an event stream must not wait in a compressor. */
const TEXT =
  /^(?:text\/(?!event-stream).+|(?:application|image)\/(?:.*\+(?:json|xml)|json|xml|javascript)|(?:application|audio)\/(?:x-|vnd\.(?:apple\.)?)?(?:mpegurl|subrip|ass|ssa)|application\/ttml)$/i

/** Whether a body of this type is text that gets shorter. */
export function isCompressible(contentType: string): boolean {
  if (contentType === 'application/json') return true
  if (contentType.includes(',')) return false
  const semicolon = contentType.indexOf(';')
  return TEXT.test((semicolon === -1 ? contentType : contentType.slice(0, semicolon)).trim())
}

/** Whether a Cache-Control forbids changing the body on the way (RFC 9111 §5.2.2.6). */
export function forbidsTransform(cacheControl: string): boolean {
  return cacheControl.length >= 12 && /\bno-transform\b/i.test(cacheControl)
}

/**
 * The coding that an Accept-Encoding asks for most (RFC 9110 §12.5.3); null for none, which is always allowed to be
 * the answer, even to `identity;q=0`.
 */
export function preferredCoding(accept: string): Coding | null {
  let best: Coding | null = null
  let bestWeight = 0
  let identity = -1
  let others = -1
  const named = new Set<string>()
  for (const entry of accept.split(',')) {
    const [name = '', ...parameters] = entry.split(';')
    const coding = toCoding(name)
    const weight = toWeight(parameters)
    if (coding === '*') others = weight
    else if (coding === 'identity') identity = weight
    named.add(coding)
    if (weight > bestWeight || (weight === bestWeight && best !== null && isPreferred(coding, best))) {
      if (!isOurs(coding)) continue
      best = coding
      bestWeight = weight
    }
  }
  // `*` alone says nothing about what the client knows, and gzip is the oldest.
  if (best === null && others > 0 && !named.has('gzip')) {
    best = 'gzip'
    bestWeight = others
  }
  return bestWeight >= identity ? best : null
}

/** RFC 9110 §8.4.1.3: x-gzip is another name of gzip. */
function toCoding(name: string): string {
  const coding = name.trim().toLowerCase()
  return coding === 'x-gzip' ? 'gzip' : coding
}

/** A weight that is none counts as 0: better no coding than an unwanted one. */
function toWeight(parameters: readonly string[]): number {
  for (const parameter of parameters) {
    const equals = parameter.indexOf('=')
    if (equals === -1 || parameter.slice(0, equals).trim().toLowerCase() !== 'q') continue
    const weight = parameter.slice(equals + 1).trim()
    return /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(weight) ? Number(weight) : 0
  }
  return 1
}

function isOurs(coding: string): coding is Coding {
  return (CODINGS as readonly string[]).includes(coding)
}

function isPreferred(coding: string, to: Coding): boolean {
  return isOurs(coding) && CODINGS.indexOf(coding) < CODINGS.indexOf(to)
}
