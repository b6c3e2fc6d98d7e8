import { connect as connectTcp, isIP, type LookupFunction, type OnReadOpts, Socket } from 'node:net'
import { connect as connectTls, getCACertificates } from 'node:tls'

/** How a socket is opened; every byte it reads goes through `onread`, into a buffer that the reader chooses. */
export interface Opener {
  open(onread: OnReadOpts): Socket
  /** The event of a socket that is ready to be written to. */
  readonly readyEvent: 'connect' | 'secureConnect'
  /** Whether a read may be larger than a small buffer; TLS gives its records one by one. */
  readonly readsBig: boolean
  readonly connectTimeoutMs: number
  /** For the Host field. */
  readonly host: string
}

export interface OpenerOptions {
  /** Scheme and authority of the one server. */
  readonly origin: string
  /** PEM text of a further certificate authority, beside the usual ones. */
  readonly ca: string | null
  readonly connectTimeoutMs: number
  /** Where connections may lead; anywhere without one. */
  readonly guard?: Guard
}

/** Judges addresses, those of names after DNS (SECURITY rule 42). */
export interface Guard {
  readonly lookup: LookupFunction
  /** Why a connection to this literal address may not be, or null. */
  refuse(address: string): Error | null
}

/** Opens sockets to one server; the TLS verification cannot be switched off (SECURITY rule 52). */
export function createOpener({ origin, ca, connectTimeoutMs, guard }: OpenerOptions): Opener {
  const url = new URL(origin)
  const host = url.hostname.replace(/^\[|\]$/g, '')
  // A literal address never reaches a lookup, so it is judged here.
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
    // RFC 6066 §3: a literal address is no server name.
    servername: isIP(host) === 0 ? host : '',
    ALPNProtocols: ['http/1.1'],
    // Set in so many words: NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment must not win.
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2' as const,
    ...(ca === null ? {} : { ca: [...getCACertificates('default'), ca] }),
    ...lookup
  }
  return {
    open(onread) {
      if (refusal !== null) return refused(refusal)
      // The type leaves `onread` out; the documentation of tls.connect has it.
      const withReads = { ...options, onread }
      return connectTls(withReads)
    },
    readyEvent: 'secureConnect',
    readsBig: false,
    connectTimeoutMs,
    host: url.host
  }
}

/** A socket that never was one: it tells its error as any other does. */
const refused = (error: Error): Socket => new Socket().destroy(error)
