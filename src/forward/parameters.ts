import { Problem } from '../domain/problems.ts'
import { type Caller, toLocalUrl, toOwnUri, toPictureUrl } from './local-url.ts'
import { isPlaybackField } from './playback-fields.ts'
import type { Rule } from './policy-table.ts'
import { cleanQuery, mapParameters } from './query.ts'

/** Checks a body, because media servers read parameters from forms too. */
export interface BodyCheck {
  /** Throws a problem if parameters in a body of this type cannot be checked. */
  requireType(contentType: string): void
  /** The form to send; throws a problem if it may not pass. */
  checkForm(form: string): string
}

/** The upstream path with parameters as the rule allows them; throws a problem if one may not pass. */
export function checkParameters(rule: Rule, upstream: string, caller: Caller): string {
  const mark = upstream.indexOf('?')
  if (mark === -1 || rule.parameters === undefined) return upstream
  return `${upstream.slice(0, mark)}?${check(rule, upstream.slice(mark + 1), caller)}`
}

/** The same checks for a form in a body. */
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
