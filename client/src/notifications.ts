import { UsherError } from './problem.ts'
import type { Transport } from './transport.ts'

export interface Notifications {
  /** Listens to one kind of event, such as `playing` or `timeline`; returns a function that stops it. */
  on(event: string, listener: (data: unknown) => void): () => void
  close(): void
}

const FIRST_RETRY_MS = 1000
const MAX_RETRY_MS = 60_000

/** The media server's events, over an event stream that reconnects, and closes with the session. */
export function notifications(transport: Transport): Notifications {
  const listeners = new Map<string, Set<(data: unknown) => void>>()
  let source: EventSource | null = null
  let timer: ReturnType<typeof setTimeout> | undefined
  let retryMs = FIRST_RETRY_MS
  let openedAt = Number.POSITIVE_INFINITY
  let closed = false

  function hear(event: string): void {
    source?.addEventListener(event, (message) => {
      const data = parse((message as MessageEvent<string>).data)
      for (const listener of listeners.get(event) ?? []) listener(data)
    })
  }

  function open(): void {
    source = new EventSource(`${transport.base}/pms/:/eventsource/notifications`, { withCredentials: true })
    source.addEventListener('open', () => {
      openedAt = performance.now()
    })
    source.addEventListener('usher-ended', (message) => {
      const { reason } = (parse((message as MessageEvent<string>).data) ?? {}) as { reason?: string }
      if (reason === 'session-ended') askWhy()
    })
    source.addEventListener('error', again)
    for (const event of listeners.keys()) hear(event)
  }

  /** The answer says why, and tells the listeners of onSessionEnd. */
  function askWhy(): void {
    transport.ask('GET', '/session?slide=false').catch((error: unknown) => {
      if (error instanceof UsherError && error.status === 401) close()
    })
  }

  function again(): void {
    // The response was an error, and EventSource does not say which.
    const isRefused = source?.readyState === EventSource.CLOSED
    source?.close()
    if (closed) return
    if (isRefused) askWhy()
    // Only a stream that lasted resets the wait: one that ends at once would be retried every second.
    if (performance.now() - openedAt > retryMs) retryMs = FIRST_RETRY_MS
    openedAt = Number.POSITIVE_INFINITY
    timer = setTimeout(open, retryMs * (0.75 + Math.random() / 2))
    retryMs = Math.min(MAX_RETRY_MS, retryMs * 2)
  }

  function close(): void {
    closed = true
    clearTimeout(timer)
    source?.close()
  }

  open()
  return {
    close,
    on(event, listener) {
      const known = listeners.get(event)
      if (known === undefined) {
        listeners.set(event, new Set([listener]))
        hear(event)
      } else known.add(listener)
      return () => listeners.get(event)?.delete(listener)
    }
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
