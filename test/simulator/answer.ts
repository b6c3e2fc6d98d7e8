import type { ServerResponse } from 'node:http'
import { isObject } from './json.ts'

/** Bytes readable at any offset, so that a 200 MB file needs no memory. */
export interface ByteSource {
  readonly size: number
  read(offset: number, length: number): Buffer
}

/** What a route returns: exactly one of `body`, `source` and `stream`, or none for an empty response. */
export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly body?: string | Buffer
  readonly source?: ByteSource
  /** Takes over after the header section has been written (event streams). */
  readonly stream?: (response: ServerResponse) => void
}

export function toSource(answer: Answer): ByteSource {
  if (answer.source) return answer.source
  const bytes = Buffer.from(answer.body ?? '')
  return { size: bytes.length, read: (offset, length) => bytes.subarray(offset, offset + length) }
}

/** The response with an undocumented field in every object of its JSON. */
export function withUnknownFields(answer: Answer): Answer {
  if (!String(answer.headers?.['Content-Type'] ?? '').includes('json') || answer.body === undefined)
    return answer
  const value: unknown = JSON.parse(String(answer.body))
  return { ...answer, body: JSON.stringify(addUnknown(value)) }
}

function addUnknown(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(addUnknown)
  if (!isObject(value)) return value
  const known = Object.entries(value).map(([name, field]) => [name, addUnknown(field)])
  return { ...Object.fromEntries(known), unknownField: { nested: [null, 1, 'text'] } }
}
