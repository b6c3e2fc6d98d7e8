import type { Answer, ByteSource } from './answer.ts'
import { toSource } from './answer.ts'
import type { Service, SimRequest } from './request.ts'

export interface FaultMatch {
  /** Default: plex.tv and both media servers. */
  readonly service?: Service
  readonly method?: string
  /** Prefix of the decoded path, or a regular expression if it begins with `^`. */
  readonly path?: string
  /** How many requests it affects; default: no limit. */
  readonly count?: number
}

export type FaultEffect =
  | { readonly kind: 'latency'; readonly ms: number }
  /** Answers when the fault is cleared. */
  | { readonly kind: 'hold' }
  | {
      readonly kind: 'status'
      readonly status: number
      readonly body?: string
      readonly contentType?: string
      readonly headers?: Readonly<Record<string, string>>
    }
  /** 500/1007 at plex.tv, the HTML page at a media server. */
  | { readonly kind: 'server-error' }
  /** A 503 HTML page, as a CDN sends it. */
  | { readonly kind: 'unavailable' }
  | { readonly kind: 'rate-limited'; readonly format?: 'xml' | 'json' }
  /** 422 `Invalid token` (XML). */
  | { readonly kind: 'invalid-token' }
  | { readonly kind: 'redirect'; readonly location: string; readonly status?: number }
  /** The connection is destroyed before any response. */
  | { readonly kind: 'reset' }
  /** Never answers. */
  | { readonly kind: 'hang' }
  /** Text that no parser accepts, with the right content type. */
  | { readonly kind: 'garbage' }
  | { readonly kind: 'content-type'; readonly value: string }
  /** A complete HTTP response whose document is truncated. */
  | { readonly kind: 'truncate' }
  /** Header section and half the body, then the connection is destroyed. */
  | { readonly kind: 'half-reset' }
  /** Header section and half the body, then silence. */
  | { readonly kind: 'stall' }
  /** `bytes` at a time (default 16), `ms` apart (default 1). */
  | { readonly kind: 'drip'; readonly bytes?: number; readonly ms?: number }
  /** Valid JSON of this many bytes. */
  | { readonly kind: 'oversized'; readonly bytes: number }
  /** Headers added to the real response (`Set-Cookie`, `Location`, …). */
  | { readonly kind: 'headers'; readonly headers: Readonly<Record<string, string>> }

export type Fault = FaultMatch & FaultEffect

export interface Faults {
  /** Adds a fault; all that match a request apply. Returns its number for `clear`. */
  set(fault: Fault): number
  /** Clears one fault by number, those of a service, or all. */
  clear(which?: number | Service): void
  /** The faults that match this request; each match is counted. */
  take(request: SimRequest): readonly Fault[]
  /** Resolves when a fault of the kind `hold` is cleared. */
  cleared(fault: Fault): Promise<void>
}

export function createFaults(): Faults {
  let active: { id: number; fault: Fault; left: number }[] = []
  // Apart from those that are active: one with a count holds its requests after it has taken them all.
  let holds: { id: number; fault: Fault; release: PromiseWithResolvers<void> }[] = []
  let nextId = 1
  return {
    set: (fault) => {
      const id = nextId++
      if (fault.kind === 'hold') holds.push({ id, fault, release: Promise.withResolvers() })
      active.push({ id, fault, left: fault.count ?? Number.POSITIVE_INFINITY })
      return id
    },
    clear: (which) => {
      const stays = (entry: { id: number; fault: Fault }): boolean => {
        if (which === undefined) return false
        return typeof which === 'number' ? entry.id !== which : entry.fault.service !== which
      }
      active = active.filter(stays)
      for (const hold of holds) if (!stays(hold)) hold.release.resolve()
      holds = holds.filter(stays)
    },
    cleared: async (fault) => holds.find((hold) => hold.fault === fault)?.release.promise,
    take: (request) => {
      if (active.length === 0) return []
      const hits = active.filter((entry) => matches(entry.fault, request))
      for (const hit of hits) hit.left--
      active = active.filter((entry) => entry.left > 0)
      return hits.map((hit) => hit.fault)
    }
  }
}

function matches(fault: FaultMatch, request: SimRequest): boolean {
  if (fault.service !== undefined && fault.service !== request.service) return false
  if (fault.method !== undefined && fault.method !== request.method) return false
  if (fault.path === undefined) return true
  return fault.path.startsWith('^')
    ? new RegExp(fault.path).test(request.path)
    : request.path.startsWith(fault.path)
}

/** The response with content faults applied; `deliver` applies delivery faults. */
export function alter(answer: Answer, faults: readonly Fault[]): Answer {
  return faults.reduce(alterOnce, answer)
}

function alterOnce(answer: Answer, fault: Fault): Answer {
  switch (fault.kind) {
    case 'garbage':
      return { ...withoutBody(answer), body: '<<{"neither": xml, nor json' }
    case 'content-type':
      return { ...answer, headers: { ...answer.headers, 'Content-Type': fault.value } }
    case 'truncate':
      return { ...withoutBody(answer), source: half(toSource(answer)) }
    case 'oversized':
      return { ...withoutBody(answer), source: padded(fault.bytes) }
    case 'headers':
      return { ...answer, headers: { ...answer.headers, ...fault.headers } }
    default:
      return answer
  }
}

function withoutBody({ status, headers = {} }: Answer): Answer {
  const { 'Content-Encoding': _, ...rest } = headers
  return { status, headers: rest }
}

function half(source: ByteSource): ByteSource {
  return { size: Math.floor(source.size / 2), read: source.read }
}

function padded(size: number): ByteSource {
  return {
    size,
    read: (offset, length) => {
      const bytes = Buffer.alloc(Math.min(length, size - offset), ' ')
      if (offset === 0) bytes.write('{')
      if (offset + bytes.length === size) bytes.write('}', bytes.length - 1)
      return bytes
    }
  }
}
