import type * as Library from 'oidc-provider'

export type OidcLibrary = typeof Library

/**
 * The provider's library, loaded only if clients are configured: it takes a quarter of a second and 25 MB.
 */
export async function loadLibrary(): Promise<OidcLibrary> {
  // On Node versions without long-term support it prints a warning when loaded, which is not a JSON log line.
  const { warn } = globalThis.console
  globalThis.console.warn = () => undefined
  try {
    return await import('oidc-provider')
  } finally {
    globalThis.console.warn = warn
  }
}
