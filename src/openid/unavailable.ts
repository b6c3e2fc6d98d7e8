import { StoreAway } from '../store/store.ts'
import type { OidcLibrary } from './library.ts'

/** Makes the error of what is nobody's fault: the store, plex.tv or the media server is away. */
export type Unavailable = (detail: string) => Error

/**
 * 503 `temporarily_unavailable` (RFC 6749 §4.1.2.1). An app keeps its session at it, while `invalid_grant` signs it out.
 * The library hides errors of 500 and more, and sends those of an authorization request to the app: neither here.
 */
export function createUnavailable({ errors }: OidcLibrary): Unavailable {
  class TemporarilyUnavailable extends errors.OIDCProviderError {
    override expose = true
    override allow_redirect = false
    override error_description = 'Not available at the moment; nobody was signed out. Try again later.'
    constructor(detail: string) {
      super(503, 'temporarily_unavailable', { detail })
    }
  }
  return (detail) => new TemporarilyUnavailable(detail)
}

/** Turns a store that is away into `unavailable`; other errors pass. */
export function rethrow(error: unknown, unavailable: Unavailable): never {
  throw error instanceof StoreAway ? unavailable(error.message) : error
}
