import type { PasswordLogin, ProfileList, ServerList, SessionView } from './api.ts'
import { type LinkCodeState, linkCode } from './link-code.ts'
import { type Notifications, notifications } from './notifications.ts'
import { type Playback, type PlayOptions, play } from './playback.ts'
import { UsherError } from './problem.ts'
import { createTransport } from './transport.ts'

export type * from './api.ts'
export type { LinkCodeState } from './link-code.ts'
export type { Notifications } from './notifications.ts'
export type { Playback, PlayOptions, Subtitle } from './playback.ts'
export { UsherError } from './problem.ts'

export interface ClientOptions {
  /** Where Usher is, with its base path; default the page's own origin. */
  readonly url?: string
  readonly fetch?: typeof fetch
}

export interface ImageSize {
  /** CSS pixels. */
  readonly width: number
  readonly height: number
  /** Device pixels for each of them; default the screen's. */
  readonly dpr?: number
}

export interface TimelineReport {
  readonly ratingKey: string
  readonly state: 'playing' | 'paused' | 'stopped' | 'buffering'
  /** Milliseconds. */
  readonly time: number
  readonly duration: number
}

export interface Client {
  /** The session, or null where nobody is signed in. Does not keep it alive. */
  session(): Promise<SessionView | null>
  /** Leads this page to the sign-in; it comes back to `returnTo`, by default to where it is. */
  signIn(options?: { readonly returnTo?: string }): void
  signInWithPassword(login: PasswordLogin): Promise<SessionView>
  linkCode(): AsyncGenerator<LinkCodeState, void, void>
  profiles(): Promise<ProfileList['users']>
  switchProfile(uuid: string, pin?: string): Promise<SessionView>
  servers(): Promise<ServerList>
  selectServer(machineIdentifier: string): Promise<SessionView>
  signOut(options?: { readonly everywhere?: boolean }): Promise<void>
  /** Where somebody is signed in. */
  sessions(): Promise<readonly unknown[]>
  readonly pms: {
    /** As `fetch`, below the media server; throws UsherError where the answer is a problem. */
    fetch(path: string, init?: RequestInit): Promise<Response>
    url(path: string): string
  }
  /** The address of a picture, scaled by the server. */
  image(path: string, size: ImageSize): string
  play(ratingKey: string, options?: PlayOptions): Promise<Playback>
  /** Tells the server how far the title is; also while the page is being left. */
  timeline(report: TimelineReport): void
  notifications(): Notifications
  /** Called when an answer or a stream says that the session is over; gives what stops it. */
  onSessionEnd(listener: (error: UsherError) => void): () => void
}

/** A client of Usher in a page, in a worker or in Node. It holds no token: the browser's cookie is the session. */
export function createClient({
  url = '',
  fetch: fetchIt = fetch.bind(globalThis)
}: ClientOptions = {}): Client {
  const transport = createTransport(url, fetchIt)
  const { ask, base } = transport
  const pmsUrl = (path: string): string => `${base}/pms${path}`

  return {
    async session() {
      try {
        return await ask<SessionView>('GET', '/session?slide=false')
      } catch (error) {
        if (error instanceof UsherError && error.status === 401) return null
        throw error
      }
    },
    signIn({ returnTo = location.href } = {}) {
      const target = new URL(returnTo, location.href)
      const isOwn = new URL(base || '/', location.href).origin === target.origin
      const way = isOwn ? target.pathname + target.search : target.href
      location.assign(`${base}/session/login?returnTo=${encodeURIComponent(way)}`)
    },
    signInWithPassword: (login) => ask('POST', '/session/login', login),
    linkCode: () => linkCode(ask),
    profiles: async () => (await ask<ProfileList>('GET', '/session/home')).users,
    switchProfile: (uuid, pin) =>
      ask('POST', '/session/home/switch', pin === undefined ? { uuid } : { uuid, pin }),
    servers: () => ask('GET', '/session/servers'),
    selectServer: (machineIdentifier) => ask('PUT', '/session/server', { machineIdentifier }),
    signOut: ({ everywhere = false } = {}) => ask('POST', '/session/logout', { everywhere }),
    sessions: async () => (await ask<{ sessions: unknown[] }>('GET', '/session/sessions')).sessions,
    pms: { fetch: (path, init) => transport.fetch(`/pms${path}`, init), url: pmsUrl },
    image(path, { width, height, dpr = globalThis.devicePixelRatio ?? 1 }) {
      const query = new URLSearchParams({
        url: path,
        width: String(Math.round(width * dpr)),
        height: String(Math.round(height * dpr)),
        minSize: '1',
        upscale: '1'
      })
      return pmsUrl(`/photo/:/transcode?${query}`)
    },
    play: (ratingKey, options = {}) => play(transport, ratingKey, options),
    timeline({ ratingKey, state, time, duration }) {
      const query = new URLSearchParams({
        ratingKey,
        key: `/library/metadata/${ratingKey}`,
        state,
        time: String(Math.round(time)),
        duration: String(Math.round(duration))
      })
      const address = pmsUrl(`/:/timeline?${query}`)
      if (typeof navigator.sendBeacon !== 'function' || !navigator.sendBeacon(address))
        transport
          .fetch(`/pms/:/timeline?${query}`, { method: 'POST', keepalive: true })
          .catch(() => undefined)
    },
    notifications: () => notifications(transport),
    onSessionEnd: transport.onSessionEnd
  }
}
