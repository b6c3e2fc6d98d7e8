import { Problem } from '../domain/problems.ts'
import { type Caller, toLocalUrl, toOwnUri, toPictureUrl } from './local-url.ts'
import { isPlaybackField } from './playback-fields.ts'
import type { Rule } from './policy-table.ts'
import { cleanQuery, mapParameters } from './query.ts'

/** What a request's body must be where it may hold parameters, which media servers take from there too. */
export interface BodyCheck {
  /** Throws the problem of a body of a type in which nothing can be checked. */
  requireType(contentType: string): void
  /** The form to send; throws the problem of one that may not pass. */
  checkForm(form: string): string
}

/** The upstream path with its parameters as the rule lets them pass; throws the problem of those that may not. */
export function checkParameters(rule: Rule, upstream: string, caller: Caller): string {
  const mark = upstream.indexOf('?')
  if (mark === -1 || rule.parameters === undefined) return upstream
  return `${upstream.slice(0, mark)}?${check(rule, upstream.slice(mark + 1), caller)}`
}

/** A form in a body is held to the same as the query. */
export function createBodyCheck(rule: Rule, caller: Caller): BodyCheck {
  const { parameters } = rule
  return {
    requireType(contentType) {
      if (parameters === undefined || isForm(contentType)) return
      if (parameters === 'picture' && /^[ \t]*(?:image\/|application\/octet-stream)/i.test(contentType))
        return
      throw new Problem('USHER_UNSUPPORTED_MEDIA_TYPE')
    },
    checkForm(form) {
      const clean = cleanQuery(form)
      if (clean === null) throw new Problem('USHER_INVALID_REQUEST')
      return check(rule, clean.query, caller)
    }
  }
}

export function isForm(contentType: string): boolean {
  return /^[ \t]*application\/x-www-form-urlencoded[ \t]*(?:;|$)/i.test(contentType)
}

function check({ parameters }: Rule, query: string, caller: Caller): string {
  if (parameters === undefined) return query
  if (typeof parameters !== 'string') {
    const passing = mapParameters(query, (name, value) =>
      parameters.some((known) => known.toLowerCase() === name) || isPlaybackField(name, value) ? value : null
    )
    if (passing === null) throw new Problem('USHER_PATH_DENIED')
    return passing
  }
  const checked = mapParameters(query, (name, value) => {
    const [plain] = name.split('[', 1)
    if (parameters === 'local-url')
      return plain === 'url' || plain === 'path' ? toLocalUrl(value, caller) : value
    if (parameters === 'own-uri') return plain === 'uri' ? toOwnUri(value, caller) : value
    return plain === 'url' ? toPictureUrl(value) : value
  })
  if (checked === null) throw new Problem('USHER_INVALID_REQUEST')
  return checked
}
