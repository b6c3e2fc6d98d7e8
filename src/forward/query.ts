import { isPlaybackField } from './playback-fields.ts'

export interface CleanQuery {
  /** The parameters that may pass, byte for byte as they came. */
  readonly query: string
  /** The first X-Plex-Token among those that may not. */
  readonly token: string | null
}

/**
 * Removes every X-Plex identity parameter, however its name is spelled (SECURITY rule 46): case, percent-encoding,
 * underscores, surrounding blanks, array brackets, repetition. Null where a name cannot be decoded.
 */
export function cleanQuery(query: string): CleanQuery | null {
  const kept: string[] = []
  let token: string | null = null
  for (const pair of query.split('&')) {
    const name = readName(pair)
    if (name === null) return null
    if (!name.startsWith('x-plex') || isPlaybackField(name, readValue(pair))) {
      kept.push(pair)
    } else if (name === 'x-plex-token') {
      token ??= readValue(pair)
    }
  }
  return { query: kept.join('&'), token }
}

/**
 * Passes every parameter, with its plain name and decoded value, through `check`, which returns the value to send or
 * null to refuse it. Unchanged ones stay byte for byte. Null if one is refused or cannot be decoded.
 */
export function mapParameters(
  query: string,
  check: (name: string, value: string) => string | null
): string | null {
  const kept: string[] = []
  for (const pair of query.split('&')) {
    const name = readName(pair)
    const value = readValue(pair)
    if (name === null || value === null) return null
    const wanted = pair === '' ? value : check(name, value)
    if (wanted === null) return null
    kept.push(wanted === value ? pair : `${name}=${encodeURIComponent(wanted)}`)
  }
  return kept.join('&')
}

/** The name as the most lenient parser reads it: decoded, in lower case, '_' as '-', leading signs dropped. */
function readName(pair: string): string | null {
  const equals = pair.indexOf('=')
  const name = decode(equals === -1 ? pair : pair.slice(0, equals))
  // Trimmed at its end by hand: a pattern would begin anew at each blank (SECURITY rule 53).
  return name === null
    ? null
    : name
        .toLowerCase()
        .replaceAll('_', '-')
        .replace(/^[^a-z0-9]+/, '')
        .trimEnd()
}

function readValue(pair: string): string | null {
  const equals = pair.indexOf('=')
  return equals === -1 ? '' : decode(pair.slice(equals + 1))
}

function decode(text: string): string | null {
  if (!text.includes('%') && !text.includes('+')) return text
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    // Not UTF-8: no two parsers agree on it.
    return null
  }
}
