import type { IncomingHttpHeaders } from 'node:http'
import { errors } from 'undici'
import { isFieldValue } from '../domain/field-value.ts'

/** The index of a field in a flat list of lower-case names and values, or -1. */
export function indexOfField(fields: readonly string[], name: string): number {
  for (let i = 0; i + 1 < fields.length; i += 2) if (fields[i] === name) return i
  return -1
}

export function fieldOf(fields: readonly string[], name: string): string | undefined {
  const at = indexOfField(fields, name)
  return at === -1 ? undefined : fields[at + 1]
}

/** undici's headers as such a list; the values of a repeated field are joined by commas (RFC 9110 §5.3). */
export function toFlat(headers: IncomingHttpHeaders): string[] {
  const fields: string[] = []
  for (const name in headers) {
    const value = headers[name] as string | string[]
    fields.push(name, typeof value === 'string' ? value : value.join(', '))
  }
  return fields
}

/** A flat list as request lines; throws if a value would end its line early (SECURITY rule 48). */
export function toLines(fields: readonly string[]): string {
  let lines = ''
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const value = fields[i + 1] as string
    if (!isFieldValue(value)) throw new errors.InvalidArgumentError('invalid header value')
    lines += `${fields[i]}: ${value}\r\n`
  }
  return lines
}
