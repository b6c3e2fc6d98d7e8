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
