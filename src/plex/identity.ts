import { createHash } from 'node:crypto'

/** How Usher describes itself to plex.tv and the media server; the same for every browser. */
export interface ClientIdentity {
  readonly product: string
  readonly version: string
  readonly platform: string
  readonly deviceName: string
}

/**
 * `Accept` and the `X-Plex-*` headers of one call, without a token, which is added to the single request (SECURITY
 * rule 26). `clientIdentifier` is the browser's own.
 */
export function identityHeaders(identity: ClientIdentity, clientIdentifier: string): Record<string, string> {
  return {
    Accept: 'application/json',
    'X-Plex-Client-Identifier': toHeaderText(clientIdentifier),
    'X-Plex-Product': toHeaderText(identity.product),
    'X-Plex-Version': toHeaderText(identity.version),
    'X-Plex-Platform': toHeaderText(identity.platform),
    'X-Plex-Device': toHeaderText(identity.platform),
    'X-Plex-Device-Name': toHeaderText(identity.deviceName)
  }
}

/**
 * Node writes a header as one byte per character; Plex reads these as UTF-8 (reference/plex.md#request-headers).
 */
export function toHeaderText(value: string): string {
  return Buffer.from(value, 'utf8').toString('latin1')
}

/**
 * The deployment's client identifier, equal after every restart and on every instance: a random one would leave another
 * device in the owner's account each time. It is a UUID derived from the public URL (RFC 9562 §5.8).
 */
export function deploymentIdentifier(publicUrl: string): string {
  const bytes = createHash('sha256').update(`usher owner ${publicUrl}`).digest().subarray(0, 16)
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
