import type {
  PasswordLogin,
  PlaybackAsked,
  PlaybackView,
  ProfileList,
  ServerList,
  SessionList,
  SessionView
} from './api.ts'
import { type LinkCodeState, linkCode } from './link-code.ts'
import { type Notifications, notifications } from './notifications.ts'
import { type Playback, type PlayOptions, play } from './playback.ts'
import { UsherError } from './problem.ts'
import { createTransport } from './transport.ts'

export type * from './api.ts'
export type { LinkCodeState } from './link-code.ts'
export type { Notifications } from './notifications.ts'
export type { AudioTrack, Playback, PlayOptions, Scene, Subtitle } from './playback.ts'
export { UsherError } from './problem.ts'

export interface ClientOptions {
  /** Usher's URL, with its base path; by default the page's own origin. */
  readonly url?: string
  readonly fetch?: typeof fetch
}

export interface ImageSize {
  /** CSS pixels. */
  readonly width: number
  readonly height: number
  /** Device pixels per CSS pixel; by default the screen's. */
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
  /** The session, or null when nobody is signed in. Asking does not extend it. */
  session(): Promise<SessionView | null>
  /** Navigates to the sign-in page, which returns to `returnTo`: by default the current page. */
  signIn(options?: { readonly returnTo?: string }): void
  signInWithPassword(login: PasswordLogin): Promise<SessionView>
  linkCode(): AsyncGenerator<LinkCodeState, void, void>
  profiles(): Promise<ProfileList['users']>
  switchProfile(uuid: string, pin?: string): Promise<SessionView>
  servers(): Promise<ServerList>
  selectServer(machineIdentifier: string): Promise<SessionView>
  signOut(options?: { readonly everywhere?: boolean }): Promise<void>
  /** Where the account is signed in; the owner of the server sees everybody. This session comes first. */
  sessions(): Promise<SessionList['sessions']>
  /** Ends a session of the list, at once and at Plex too. */
  endSession(handle: string): Promise<void>
  readonly pms: {
    /** Like `fetch`, with a path of the media server; throws UsherError when the response is a problem. */
    fetch(path: string, init?: RequestInit): Promise<Response>
    url(path: string): string
  }
  /** The URL of a picture, scaled by the media server. */
  image(path: string, size: ImageSize): string
  play(ratingKey: string, options?: PlayOptions): Promise<Playback>
  /**
   * An address that a device without the cookie plays, such as a Chromecast; it carries a token for this one film, so ask
   * for it when the person presses the button.
   */
  castAddress(path: string, kind: PlaybackAsked['kind']): Promise<PlaybackView>
  /**
   * Reports the playback position. It resolves, and never rejects, when the server knows; from a page that is being left
   * it goes by beacon.
   */
  timeline(report: TimelineReport): Promise<void>
  notifications(): Notifications
  /**
   * Calls the listener when a response or a stream says that the session has ended; returns a function that
   * unsubscribes.
   */
  onSessionEnd(listener: (error: UsherError) => void): () => void
}

/** A client for pages, workers and Node. It holds no token: the browser's cookie is the session. */
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
      const way = isOwn ? target.pathname + target.search + target.hash : target.href
      location.assign(`${base}/signin?returnTo=${encodeURIComponent(way)}`)
    },
    signInWithPassword: (login) => ask('POST', '/session/login', login),
    linkCode: () => linkCode(ask),
    profiles: async () => (await ask<ProfileList>('GET', '/session/home')).users,
    switchProfile: (uuid, pin) =>
      ask('POST', '/session/home/switch', pin === undefined ? { uuid } : { uuid, pin }),
    servers: () => ask('GET', '/session/servers'),
    selectServer: (machineIdentifier) => ask('PUT', '/session/server', { machineIdentifier }),
    signOut: ({ everywhere = false } = {}) => ask('POST', '/session/logout', { everywhere }),
    sessions: async () => (await ask<SessionList>('GET', '/session/sessions')).sessions,
    endSession: (handle) => ask('DELETE', `/session/sessions/${encodeURIComponent(handle)}`),
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
    castAddress: (path, kind) => ask('POST', '/session/playback', { path, kind } satisfies PlaybackAsked),
    async timeline({ ratingKey, state, time, duration }) {
      const query = new URLSearchParams({
        ratingKey,
        key: `/library/metadata/${ratingKey}`,
        state,
        time: String(Math.round(time)),
        duration: String(Math.round(duration))
      })
      const path = `/:/timeline?${query}`
      const isLeaving = globalThis.document?.visibilityState === 'hidden'
      if (isLeaving && navigator.sendBeacon(pmsUrl(path))) return
      await transport.fetch(`/pms${path}`, { method: 'POST', keepalive: true }).catch(() => undefined)
    },
    notifications: () => notifications(transport),
    onSessionEnd: transport.onSessionEnd
  }
}
