import type { Logger } from './logger.ts'

/** Mistakes in the surroundings that requests bring to light. Each is logged once, with the setting to change. */
export interface Notices {
  /** A proxy that is not listed sent forwarded headers: all its clients count as one. */
  untrustedForwarder(address: string): void
  /** The browser's connection is TLS, but links and cookies are made for plain HTTP. */
  tlsBeforePlainUrl(): void
  /** A proxy asked for a sign-in that leads back to an origin that is not listed. */
  returnOriginMissing(origin: string): void
  /** A proxy asked for an app to which no browser sends the session cookie. */
  outsideCookieDomain(host: string): void
  /** A request named a host that is not the listener's own. */
  foreignHost(listener: 'public' | 'internal', host: string): void
}

/** Anybody can invent hosts; a log is not filled with them. */
const MOST_SUBJECTS = 20

export function createNotices(log: Logger): Notices {
  const noticed = new Set<string>()
  const counts = new Map<string, number>()

  function isNew(kind: string, subject: string): boolean {
    const key = `${kind} ${subject}`
    const count = counts.get(kind) ?? 0
    if (noticed.has(key) || count >= MOST_SUBJECTS) return false
    counts.set(kind, count + 1)
    noticed.add(key)
    return true
  }

  return {
    untrustedForwarder(address) {
      if (!isNew('forwarder', address)) return
      log.warn(
        { address, setting: 'USHER_TRUSTED_PROXIES' },
        'forwarded headers ignored: this proxy is not listed, so its clients share one address and one set of limits'
      )
    },
    tlsBeforePlainUrl() {
      if (!isNew('tls', '')) return
      log.warn(
        { setting: 'USHER_PUBLIC_URL' },
        'a proxy ends TLS in front of a public URL with http:, so cookies are not Secure'
      )
    },
    returnOriginMissing(origin) {
      if (!isNew('origin', origin)) return
      log.warn(
        { origin: printable(origin), setting: 'USHER_ALLOWED_RETURN_ORIGINS' },
        'sign-in without a way back: the origin that the proxy names is not listed'
      )
    },
    outsideCookieDomain(host) {
      if (!isNew('cookie', host)) return
      log.warn(
        { host: printable(host), setting: 'USHER_COOKIE_DOMAIN' },
        'no browser sends the session cookie to this app, so its users sign in again and again'
      )
    },
    foreignHost(listener, host) {
      if (!isNew(listener, host)) return
      const setting = listener === 'public' ? 'USHER_PUBLIC_URL' : 'USHER_INTERNAL_NAMES'
      log.warn(
        { listener, host: printable(host), setting },
        'request refused: its Host is not of this listener'
      )
    }
  }
}

/** A host or origin as a request named it, or that it is none. */
function printable(text: string): string {
  return /^[\w.:/[\]-]{1,120}$/.test(text) ? text : '(malformed)'
}
