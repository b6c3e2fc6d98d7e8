import { errors } from 'undici'
import { toLines } from './header-fields.ts'
import type { LaneRequest } from './transfer.ts'

const PATH = /^\/[\x21-\x7e]*$/

/**
 * The bytes of a request, one per character. Names are Usher's own. A path or value that would end its line early
 * throws (SECURITY rule 48), although callers have checked both.
 */
export function toRequestHead({ method, path, headers, identity }: LaneRequest, host: string): string {
  if (!PATH.test(path)) throw new errors.InvalidArgumentError('invalid request path')
  let head = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\n`
  head += toLines(headers)
  return `${head}${identity.lines}\r\n`
}
