import type { Readable } from 'node:stream'
import { createFieldNames } from '../domain/field-names.ts'
import type { IdentityFields } from '../fetch/identity-fields.ts'
import { toPlainTags } from './encoded-head.ts'
import { isPlaybackField, PLATFORM_FIELD } from './playback-fields.ts'

export interface RequestHeaderOptions {
  /** The body to send; the fields that describe a body pass with one only. */
  readonly body: Readable | Buffer | null
  /** Whether Range passes. Not for texts: a caller could fetch a token piece by piece. */
  readonly range: boolean
  /** Whether the entity tags of a condition are those of compressed bodies. */
  readonly plainTags: boolean
}

// Fields of which RFC 9110 allows one only: the first is taken, as node does.
const ALWAYS = 1
const WITH_RANGE = 2
const WITH_BODY = 3
const TAGS = 4

const FIELDS: ReadonlyMap<string, number> = new Map([
  ['accept', ALWAYS],
  ['accept-language', ALWAYS],
  ['if-match', TAGS],
  ['if-modified-since', ALWAYS],
  ['if-none-match', TAGS],
  ['if-unmodified-since', ALWAYS],
  ['last-event-id', ALWAYS],
  ['user-agent', ALWAYS],
  ['if-range', WITH_RANGE],
  ['range', WITH_RANGE],
  ['content-length', WITH_BODY],
  ['content-type', WITH_BODY]
])

const PLATFORM_PARAMETER = new RegExp(`[?&]${PLATFORM_FIELD}=`, 'i')

const findAllowed = createFieldNames(FIELDS.keys())

/**
 * The request headers to send upstream, flat: what the allow-list takes from the caller's raw headers (SECURITY
 * rule 44), without what `Connection` nominates (RFC 9110 §7.6.1). The identity goes behind them, the token last
 * (SECURITY rule 45).
 */
export function toUpstreamHeaders(rawHeaders: readonly string[], options: RequestHeaderOptions): string[] {
  const nominated = findNominated(rawHeaders)
  const headers: string[] = []
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const raw = rawHeaders[i] as string
    const allowed = findAllowed(raw)
    const mayBePlex = raw.length > 7 && (raw.charCodeAt(0) | 0x20) === 0x78
    if (allowed === undefined && !mayBePlex) continue
    const name = allowed ?? raw.toLowerCase()
    const when = allowed === undefined ? undefined : FIELDS.get(allowed)
    if (when === undefined) {
      if (!isPlaybackField(name, rawHeaders[i + 1] as string)) continue
    } else if (when === WITH_RANGE ? !options.range : when === WITH_BODY && options.body === null) {
      continue
    }
    // A form may have been changed; undici knows the length of a buffer.
    if (name === 'content-length' && Buffer.isBuffer(options.body)) continue
    if (nominated?.has(name) === true || headers.includes(name)) continue
    // Several ranges would arrive as one multipart body, in which text cannot be told from media (SECURITY rule 57).
    if (name === 'range' && (rawHeaders[i + 1] as string).includes(',')) continue
    const value = rawHeaders[i + 1] as string
    headers.push(name, when === TAGS && options.plainTags ? toPlainTags(value) : value)
  }
  // Text must arrive in clear to be scrubbed, and media does not compress: nothing is encoded twice.
  headers.push('accept-encoding', 'identity')
  return headers
}

/** The identity to set after these headers, without its platform if the caller names one in a header or the query. */
export function toIdentity(
  identity: IdentityFields,
  headers: readonly string[],
  path: string
): IdentityFields {
  const isNamed =
    headers.includes(PLATFORM_FIELD) || (path.includes('latform') && PLATFORM_PARAMETER.test(path))
  return isNamed ? identity.without(PLATFORM_FIELD) : identity
}

/** Lower-case names that `Connection` nominates as hop-by-hop; null for the usual values. */
function findNominated(rawHeaders: readonly string[]): ReadonlySet<string> | null {
  let nominated: Set<string> | null = null
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    if (name.length !== 10 || name.toLowerCase() !== 'connection') continue
    const value = (rawHeaders[i + 1] as string).toLowerCase()
    if (value === 'keep-alive' || value === 'close') continue
    nominated ??= new Set()
    for (const token of value.split(',')) nominated.add(token.trim())
  }
  return nominated
}
