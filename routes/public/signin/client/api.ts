import { settings } from './dom.ts'

export interface SessionView {
  readonly account: {
    readonly uuid: string
    readonly username: string
    readonly title: string
    readonly thumb: string
  }
  readonly role: 'owner' | 'home' | 'shared' | 'none'
  readonly server: { readonly name: string; readonly machineIdentifier: string } | null
  readonly method: 'password' | 'pin' | 'home'
  readonly signedInAt: string
  readonly expiresAt: string
  readonly idleExpiresAt: string
  readonly stale: boolean
}

export interface HomeUser {
  readonly uuid: string
  readonly title: string
  readonly thumb: string
  readonly admin: boolean
  readonly restricted: boolean
  readonly protected: boolean
  readonly current: boolean
}

export interface Server {
  readonly name: string
  readonly machineIdentifier: string
  readonly owned: boolean
  readonly home: boolean
  readonly presence: boolean
  readonly selected: boolean
}

export interface Pin {
  readonly authUrl: string
  readonly code: string
  readonly linkUrl: string
  readonly expiresAt: string
  readonly pollAfterMs: number
}

export interface PinState {
  readonly status: 'pending' | 'signed-in' | 'expired'
  readonly pollAfterMs?: number
  readonly session?: SessionView
}

/** A response that is a problem (RFC 9457), or no response at all: code `OFFLINE`. */
export class Refusal extends Error {
  readonly code: string
  /** Seconds; 0 if the response gives none. */
  readonly retryAfter: number
  /** The requestId, by which the operator finds the log lines. */
  readonly reference: string
  /** Whom the refusal is about, in the server's seal; '' if it does not say. */
  readonly who: string

  constructor(code: string, retryAfter = 0, reference = '', who = '') {
    super(code)
    this.code = code
    this.retryAfter = retryAfter
    this.reference = reference
    this.who = who
  }
}

export interface Answer<T> {
  readonly body: T
  /** The server's clock at the response, epoch ms. Deadlines count from it, because a TV's clock may be wrong. */
  readonly sentAt: number
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

async function readRefusal(response: Response): Promise<Refusal> {
  const retryAfter = Number(response.headers.get('retry-after') ?? 0)
  const body: unknown = await response.json().catch(() => null)
  const code = isRecord(body) && typeof body['code'] === 'string' ? body['code'] : 'USHER_INTERNAL'
  const reference = isRecord(body) && typeof body['requestId'] === 'string' ? body['requestId'] : ''
  // RFC 8288: the page that explains this refusal.
  const who = /[?&]who=([\w.-]+)/.exec(response.headers.get('link') ?? '')?.[1] ?? ''
  return new Refusal(code, Number.isFinite(retryAfter) ? retryAfter : 0, reference, who)
}

/** Requests a path below `/session`; rejects with a `Refusal` unless the response is a success. */
export async function ask<T>(
  method: string,
  path: string,
  body?: object,
  signal?: AbortSignal
): Promise<Answer<T>> {
  const headers: Record<string, string> = { accept: 'application/json', 'x-usher': '1' }
  if (body !== undefined) headers['content-type'] = 'application/json'
  const response = await fetch(`${settings().base}/session${path}`, {
    method,
    headers,
    credentials: 'same-origin',
    cache: 'no-store',
    redirect: 'error',
    ...(body !== undefined && { body: JSON.stringify(body) }),
    ...(signal !== undefined && { signal })
  }).catch((error: unknown) => {
    if (signal?.aborted) throw error
    throw new Refusal('OFFLINE')
  })
  if (!response.ok) throw await readRefusal(response)
  const date = Date.parse(response.headers.get('date') ?? '')
  const value = response.status === 204 ? undefined : await response.json()
  return { body: value as T, sentAt: Number.isNaN(date) ? Date.now() : date }
}

/** The session of this browser, or null. */
export async function findSession(): Promise<SessionView | null> {
  try {
    return (await ask<SessionView>('GET', '?slide=false')).body
  } catch (error) {
    if (error instanceof Refusal && error.code.startsWith('USHER_SESSION_')) return null
    throw error
  }
}
