import type * as Library from 'oidc-provider'

export type OidcLibrary = typeof Library

/**
 * The provider's library, read where clients are set and not before: it and what it needs take a quarter of a second
 * and 25 MB.
 */
export async function loadLibrary(): Promise<OidcLibrary> {
  // On a Node.js that is not of a long-term line it writes a warning as it is read, which would not be a line of the log.
  const { warn } = globalThis.console
  globalThis.console.warn = () => undefined
  try {
    return await import('oidc-provider')
  } finally {
    globalThis.console.warn = warn
  }
}
