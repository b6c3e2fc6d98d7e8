import { isParameterByte, NO_SPANS, VALUE_MAX_BYTES, type Verdict } from './span.ts'
import { hasPrefix, WORD_LENGTH } from './token-word.ts'

/** An equals sign as written in a URL, in a URL inside another, in JSON and in XML. */
const EQUALS = /^(?:=|%(?:25){0,3}3d|\\{1,3}u003d|&(?:equals|#0{0,4}61|#x0{0,4}3d);)/i
const EQUALS_MAX_BYTES = 12

/**
 * The value of the parameter `X-Plex-Token` whose name ends with the word at `at`, wherever its URL is. The name does
 * not reach back before `from`.
 */
export function judgeParameter(data: Buffer, at: number, from: number, isLast: boolean): Verdict {
  if (!hasPrefix(data, at, from)) return NO_SPANS
  const sign = at + WORD_LENGTH
  if (sign >= data.length) return isLast ? NO_SPANS : 'more'
  const head = data.toString('latin1', sign, sign + EQUALS_MAX_BYTES)
  const equals = EQUALS.exec(head)
  if (equals === null)
    return isLast || head.length === EQUALS_MAX_BYTES || !/^[%\\&][%\\\w&#]*$/.test(head) ? NO_SPANS : 'more'
  const start = sign + equals[0].length
  const end = start + VALUE_MAX_BYTES
  let to = start
  while (to < data.length && to < end && isParameterByte(data[to] as number)) to++
  if (to === data.length && to < end && !isLast) return 'more'
  return to === start ? NO_SPANS : [{ from: start, to, kind: 'plain' }]
}
