import { connect as connectTcp, isIP, type LookupFunction, type OnReadOpts, Socket } from 'node:net'
import { connect as connectTls, getCACertificates } from 'node:tls'

/** How a socket is opened; every read goes through `onread` into a buffer that the reader chooses. */
export interface Opener {
  open(onread: OnReadOpts): Socket
  /** The event after which the socket can be written to. */
  readonly readyEvent: 'connect' | 'secureConnect'
  /** Whether a read can be larger than a small buffer; TLS delivers its records one by one. */
  readonly readsBig: boolean
  readonly connectTimeoutMs: number
  /** For the Host field. */
  readonly host: string
}

export interface OpenerOptions {
  /** Scheme and authority of the one server. */
  readonly origin: string
  /** PEM text of an additional certificate authority. */
  readonly ca: string | null
  readonly connectTimeoutMs: number
  /** Which addresses are allowed; default: any. */
  readonly guard?: Guard
}

/** Checks addresses, those of names after DNS (SECURITY rule 42). */
export interface Guard {
  readonly lookup: LookupFunction
  /** Why this literal address is not allowed, or null. */
  refuse(address: string): Error | null
}

/** Opens sockets to one server; TLS verification cannot be turned off (SECURITY rule 52). */
export function createOpener({ origin, ca, connectTimeoutMs, guard }: OpenerOptions): Opener {
  const url = new URL(origin)
  const host = url.hostname.replace(/^\[|\]$/g, '')
  // A literal address never reaches a lookup, so it is checked here.
  const refusal = guard === undefined || isIP(host) === 0 ? null : guard.refuse(host)
  const lookup = guard === undefined ? {} : { lookup: guard.lookup }
  if (url.protocol !== 'https:') {
    const port = Number(url.port || 80)
    return {
      open: (onread) => (refusal === null ? connectTcp({ host, port, onread, ...lookup }) : refused(refusal)),
      readyEvent: 'connect',
      readsBig: true,
      connectTimeoutMs,
      host: url.host
    }
  }
  const options = {
    host,
    port: Number(url.port || 443),
    // RFC 6066 §3: a literal address is not a server name.
    servername: isIP(host) === 0 ? host : '',
    ALPNProtocols: ['http/1.1'],
    // Set explicitly: NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment must not override it.
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2' as const,
    ...(ca === null ? {} : { ca: [...getCACertificates('default'), ca] }),
    ...lookup
  }
  return {
    open(onread) {
      if (refusal !== null) return refused(refusal)
      // The type omits `onread`, which the documentation of tls.connect has.
      const withReads = { ...options, onread }
      return connectTls(withReads)
    },
    readyEvent: 'secureConnect',
    readsBig: false,
    connectTimeoutMs,
    host: url.host
  }
}

/** A socket that was never opened: it reports its error like any other. */
const refused = (error: Error): Socket => new Socket().destroy(error)
