import { toError, type UsherError } from './problem.ts'

export interface Transport {
  readonly base: string
  readonly ask: Ask
  /** Like `fetch`, with the session; throws UsherError when the response is a problem. */
  fetch(path: string, init?: RequestInit): Promise<Response>
  /** Calls the listener when a response says that the session has ended; returns a function that unsubscribes. */
  onSessionEnd(listener: (error: UsherError) => void): () => void
}

/** JSON in and out. */
export type Ask = <T>(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown) => Promise<T>

/** `url`: Usher's URL, with its base path; '' for the page's own origin. */
export function createTransport(url: string, fetchIt: typeof fetch): Transport {
  const base = url.replace(/\/$/, '')
  const listeners = new Set<(error: UsherError) => void>()

  async function request(path: string, init: RequestInit = {}): Promise<Response> {
    // A page of another site cannot set this header: it proves the origin where browsers send no Fetch Metadata
    // (plain HTTP).
    const headers = new Headers(init.headers)
    headers.set('x-usher', '1')
    const response = await fetchIt(base + path, { credentials: 'include', ...init, headers })
    if (response.ok || response.status === 304) return response
    const error = await toError(response)
    if (error.code.startsWith('USHER_SESSION_')) for (const listener of listeners) listener(error)
    throw error
  }

  return {
    base,
    fetch: request,
    onSessionEnd(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async ask<T>(method: string, path: string, body?: unknown): Promise<T> {
      const headers = {
        accept: 'application/json',
        ...(body !== undefined && { 'content-type': 'application/json' })
      }
      const init = { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) }
      const response = await request(path, init)
      return (response.status === 204 ? undefined : await response.json()) as T
    }
  }
}
