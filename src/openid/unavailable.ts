import { StoreAway } from '../store/store.ts'
import type { OidcLibrary } from './library.ts'

/** Creates the error for an outage of the store, plex.tv or the media server. */
export type Unavailable = (detail: string) => Error

/**
 * 503 `temporarily_unavailable` (RFC 6749 §4.1.2.1). An app keeps its session on it, while `invalid_grant` signs it
 * out. The library would hide a status of 500 and above, and would redirect errors of an authorization request; this
 * error avoids both.
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

/** Turns StoreAway into `unavailable`; other errors pass. */
export function rethrow(error: unknown, unavailable: Unavailable): never {
  throw error instanceof StoreAway ? unavailable(error.message) : error
}
