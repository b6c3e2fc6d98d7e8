import { errors } from 'undici'
import type { LaneRequest } from './transfer.ts'

const PATH = /^\/[\x21-\x7e]*$/
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/
/** An identity is the same for all requests of a session, and its lines live as long as it does. */
const written = new WeakMap<readonly string[], string>()

/**
 * The bytes, one a character, that ask for it. Names are Usher's own; a path or value that would end its line early
 * throws (SECURITY rule 48), though whoever calls has looked at both.
 */
export function toRequestHead({ method, path, headers, identity }: LaneRequest, host: string): string {
  if (!PATH.test(path)) throw new errors.InvalidArgumentError('invalid request path')
  let head = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\n`
  head += toLines(headers)
  let lines = written.get(identity)
  if (lines === undefined) {
    lines = toLines(identity)
    written.set(identity, lines)
  }
  return `${head}${lines}\r\n`
}

function toLines(fields: readonly string[]): string {
  let lines = ''
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const value = fields[i + 1] as string
    if (!VALUE.test(value)) throw new errors.InvalidArgumentError('invalid header value')
    lines += `${fields[i]}: ${value}\r\n`
  }
  return lines
}
