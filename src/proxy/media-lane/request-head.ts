import { errors } from 'undici'
import type { LaneRequest } from './transfer.ts'

const PATH = /^\/[\x21-\x7e]*$/
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

/**
 * The bytes, one a character, that ask for it. Names are Usher's own; a path or value that would end its line early
 * throws (SECURITY rule 48), though whoever calls has looked at both.
 */
export function toRequestHead({ method, path, headers }: LaneRequest, host: string): string {
  if (!PATH.test(path)) throw new errors.InvalidArgumentError('invalid request path')
  let head = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\n`
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const value = headers[i + 1] as string
    if (!VALUE.test(value)) throw new errors.InvalidArgumentError('invalid header value')
    head += `${headers[i]}: ${value}\r\n`
  }
  return `${head}\r\n`
}
