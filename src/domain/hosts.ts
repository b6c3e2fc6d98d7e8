import { hostnameOf, normalHost } from './origins.ts'

/** Whether a Host field names this listener. */
export type IsOwnHost = (host: string) => boolean

const LOOPBACK: readonly string[] = ['localhost', '127.0.0.1', '[::1]']

/** For the public listener: the host of the public URL. `origin` is in normal form. */
export function createPublicHostCheck(origin: string): IsOwnHost {
  const { protocol, host, hostname } = new URL(origin)
  const scheme = protocol === 'https:' ? 'https' : 'http'
  const isLoopback = LOOPBACK.includes(hostname)
  return (text) => {
    if (normalHost(text, scheme) === host) return true
    // All loopback names mean this machine, and a container's published port differs from the port inside.
    return isLoopback && LOOPBACK.includes(hostnameOf(text) ?? '')
  }
}

const IPV4 = /^\d{1,3}(?:\.\d{1,3}){3}$/
/** Names that only a private network resolves: single labels, and the suffixes that Kubernetes and Docker use. */
const PRIVATE = /^(?:[^.]+|.+\.svc|.+\.svc\.cluster\.local|.+\.internal)$/

/**
 * For the internal listener: an IP address, a name that only a private network resolves, or one of `names`. A public
 * name that was rebound to this address is none of these (SECURITY rule 84).
 */
export function createInternalHostCheck(names: readonly string[]): IsOwnHost {
  const listed = new Set(names)
  return (text) => {
    const hostname = hostnameOf(text)?.replace(/\.$/, '') ?? ''
    return hostname.startsWith('[') || IPV4.test(hostname) || PRIVATE.test(hostname) || listed.has(hostname)
  }
}
