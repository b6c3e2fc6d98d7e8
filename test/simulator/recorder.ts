import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Service } from './request.ts'

/** A request as it arrived; `state`, `status` and `bytesSent` change until it is complete. */
export interface RecordedRequest {
  readonly service: Service
  readonly method: string
  /** The raw request target. */
  readonly url: string
  /** Raw names and values, in the order and spelling on the wire. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  body: string
  /** Epoch milliseconds of the simulator's clock. */
  readonly at: number
  /** `aborted`: the caller, or a fault, closed the connection before the response was complete. */
  state: 'open' | 'finished' | 'aborted'
  status: number
  bytesSent: number
}

export interface ReceivedFilter {
  readonly service?: Service
  readonly method?: string
  /** Prefix of the raw target. */
  readonly path?: string
}

export interface Recorder {
  open(service: Service, message: IncomingMessage, response?: ServerResponse): RecordedRequest
  received(filter?: ReceivedFilter): RecordedRequest[]
  clear(): void
}

export function createRecorder(now: () => number, limit: number): Recorder {
  let requests: RecordedRequest[] = []
  return {
    open: (service, message, response) => {
      const record: RecordedRequest = {
        service,
        method: message.method ?? '',
        url: message.url ?? '',
        headers: pairs(message.rawHeaders),
        body: '',
        at: now(),
        state: 'open',
        status: 0,
        bytesSent: 0
      }
      requests.push(record)
      // Half is dropped at once, so that a long load run does not copy the list for each request.
      if (requests.length > limit) requests = requests.slice(-Math.ceil(limit / 2))
      response?.once('close', () => {
        record.state = response.writableFinished ? 'finished' : 'aborted'
        record.status = response.headersSent ? response.statusCode : 0
      })
      return record
    },
    received: (filter = {}) =>
      requests.filter(
        (request) =>
          (filter.service === undefined || request.service === filter.service) &&
          (filter.method === undefined || request.method === filter.method) &&
          (filter.path === undefined || request.url.startsWith(filter.path))
      ),
    clear: () => {
      requests = []
    }
  }
}

function pairs(raw: readonly string[]): (readonly [string, string])[] {
  const result: (readonly [string, string])[] = []
  for (let index = 0; index < raw.length; index += 2) result.push([raw[index] ?? '', raw[index + 1] ?? ''])
  return result
}
