import type { IncomingHttpHeaders } from 'node:http'

/** The value of a field in a flat list of lower-case names and values. */
export function fieldOf(fields: readonly string[], name: string): string | undefined {
  for (let i = 0; i + 1 < fields.length; i += 2) if (fields[i] === name) return fields[i + 1]
  return undefined
}

/** The same list of what undici hands over; the values of a repeated field are joined by commas (RFC 9110 §5.3). */
export function toFlat(headers: IncomingHttpHeaders): string[] {
  const fields: string[] = []
  for (const name in headers) {
    const value = headers[name] as string | string[]
    fields.push(name, typeof value === 'string' ? value : value.join(', '))
  }
  return fields
}
