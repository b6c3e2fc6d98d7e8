import { setTimeout as delay } from 'node:timers/promises'
import type { Dispatcher } from 'undici'
import { collectBytes } from '../domain/collected-bytes.ts'
import { isFieldValue } from '../domain/field-value.ts'
import { Problem } from '../domain/problems.ts'
import { createDeadline, isUnsent, toTransportProblem } from './upstream-errors.ts'

export type UpstreamService = 'plex.tv' | 'pms'

export interface UpstreamRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Below the base, percent-encoded, without a query. */
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, string>>
  /** Sent as a form. */
  readonly form?: Readonly<Record<string, string>>
  /** Ends the call early; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal
  /** Limit of the response body, if less than usual. */
  readonly maxBytes?: number
  /** Called just before bytes leave, for a retry too: the problem to reject with, or null. */
  readonly findRefusal?: () => Problem | null
}

export interface UpstreamAnswer {
  readonly service: UpstreamService
  /** Any status, also 3xx (never followed), 4xx and 5xx. */
  readonly status: number
  readonly contentType: string
  readonly retryAfter: string
  readonly body: Buffer
}

export type UpstreamOutcome = 'ok' | 'refused' | 'failed' | 'timeout' | 'unreachable' | 'invalid' | 'aborted'

export interface UpstreamOptions {
  readonly service: UpstreamService
  /** http: or https:, with or without a base path. */
  readonly origin: string
  readonly dispatcher: Dispatcher
  /** For the whole call: connection, response, body and the retry. */
  readonly timeoutMs: number
  /** Limit of one response body; default 2 MB. */
  readonly maxBytes?: number
  readonly onOutcome?: (call: { service: UpstreamService; outcome: UpstreamOutcome; seconds: number }) => void
}

export interface Upstream {
  readonly service: UpstreamService
  /** The whole response; throws USHER_UPSTREAM_TIMEOUT, _UNREACHABLE or _INVALID if there is none. */
  readonly call: (request: UpstreamRequest) => Promise<UpstreamAnswer>
}

const OUTCOMES: Readonly<Record<string, UpstreamOutcome>> = {
  USHER_UPSTREAM_TIMEOUT: 'timeout',
  USHER_UPSTREAM_UNREACHABLE: 'unreachable'
}

/** Buffered calls to one service. The dispatcher has the connection pool and the TLS rules. */
export function createUpstream(options: UpstreamOptions): Upstream {
  const { service, timeoutMs } = options
  const dispatcher = options.dispatcher.compose(askBeforeSending)
  const base = new URL(options.origin)
  const basePath = base.pathname.replace(/\/+$/, '')
  const usualMaxBytes = options.maxBytes ?? 2 * 1024 * 1024

  async function once(request: UpstreamRequest, signal: AbortSignal): Promise<UpstreamAnswer> {
    const query = request.query ? `?${new URLSearchParams(request.query)}` : ''
    const { maxBytes = usualMaxBytes } = request
    const options: Dispatcher.RequestOptions & Guarded = {
      origin: base.origin,
      path: basePath + request.path + query,
      method: request.method,
      headers: request.form ? { ...request.headers, 'Content-Type': FORM_TYPE } : request.headers,
      body: request.form ? new URLSearchParams(request.form).toString() : null,
      signal,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      ...(request.findRefusal && { findRefusal: request.findRefusal })
    }
    const { statusCode, headers, body } = await dispatcher.request(options)
    const encoding = first(headers['content-encoding'])
    const collected = collectBytes()
    for await (const chunk of body) {
      // No Accept-Encoding was sent, and nothing is decompressed here (SECURITY rule 53).
      if (collected.length + chunk.length > maxBytes || (encoding !== '' && encoding !== 'identity')) {
        throw new Problem('USHER_UPSTREAM_INVALID')
      }
      collected.add(chunk)
    }
    return {
      service,
      status: statusCode,
      contentType: first(headers['content-type']),
      retryAfter: first(headers['retry-after']),
      body: collected.take()
    }
  }

  async function retried(request: UpstreamRequest, signal: AbortSignal): Promise<UpstreamAnswer> {
    try {
      return await once(request, signal)
    } catch (error) {
      // SECURITY rule 54: once, only for repeatable requests, only if nothing was sent.
      if (request.method === 'POST' || !isUnsent(error)) throw error
      await delay(50 + Math.random() * 150, undefined, { signal })
      return once(request, signal)
    }
  }

  return {
    service,
    async call(request) {
      requireSendable(request)
      const started = performance.now()
      const deadline = new AbortController()
      const timer = setTimeout(() => deadline.abort(createDeadline()), timeoutMs)
      const signals = request.signal ? [deadline.signal, request.signal] : [deadline.signal]
      const signal = AbortSignal.any(signals)
      let outcome: UpstreamOutcome = 'aborted'
      let refusal: Problem | null = null
      const { findRefusal } = request
      const asked =
        findRefusal === undefined ? request : { ...request, findRefusal: () => (refusal = findRefusal()) }
      try {
        const answer = await retried(asked, signal)
        outcome = answer.status < 300 ? 'ok' : answer.status < 500 ? 'refused' : 'failed'
        return answer
      } catch (error) {
        if (request.signal?.aborted) throw request.signal.reason
        // Nothing was sent: that says nothing about the upstream.
        if (error === refusal) throw error
        const problem = toTransportProblem(signal.aborted ? signal.reason : error, {
          service,
          host: base.host
        })
        outcome = OUTCOMES[problem.code] ?? 'invalid'
        throw problem
      } finally {
        clearTimeout(timer)
        options.onOutcome?.({ service, outcome, seconds: (performance.now() - started) / 1000 })
      }
    }
  }
}

/** What a request carries through undici to `askBeforeSending`. */
interface Guarded {
  readonly findRefusal?: () => Problem | null
}

/** An interceptor: undici calls onRequestStart when it has a connection and nothing is written yet. */
const askBeforeSending: Dispatcher.DispatcherComposeInterceptor = (dispatch) => (options, handler) => {
  const { findRefusal } = options as Guarded
  if (findRefusal === undefined) return dispatch(options, handler)
  return dispatch(options, {
    onRequestStart(controller, context) {
      const refusal = findRefusal()
      if (refusal === null) handler.onRequestStart?.(controller, context)
      else controller.abort(refusal)
    },
    onResponseStart: (...args) => handler.onResponseStart?.(...args),
    onResponseData: (...args) => handler.onResponseData?.(...args),
    onResponseEnd: (...args) => handler.onResponseEnd?.(...args),
    onResponseError: (...args) => handler.onResponseError?.(...args)
  })
}

const FORM_TYPE = 'application/x-www-form-urlencoded'

function first(value: string | string[] | undefined): string {
  return (Array.isArray(value) ? value[0] : value) ?? ''
}

// SECURITY rules 37 and 48: nothing that could end a line or name another authority.
function requireSendable({ path, headers }: UpstreamRequest): void {
  const isPath = /^\/(?!\/)[!-~]*$/.test(path) && !/[\\?#]|\/\.{1,2}(\/|$)/.test(path)
  const isClean = Object.values(headers).every(isFieldValue)
  if (!isPath || !isClean) throw new Problem('USHER_INVALID_REQUEST')
}
