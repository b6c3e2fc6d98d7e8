/** Lasting variations of the responses that reference/plex.md describes; set with `modes.set`. */
export interface Modes {
  /** What a dead token gets from plex.tv: 401/1001, or 422 `Invalid token`. */
  deadToken: 401 | 422
  /** Status for an unknown or expired PIN. */
  unknownPin: 404 | 410
  /** `defaultAudioLanguages` and `defaultSubtitleLanguages` of a profile. */
  languages: 'null' | 'array' | 'string'
  /** `Device` in `/security/resources`. */
  device: 'object' | 'array'
  /** Undocumented fields in every JSON object. */
  unknownFields: boolean
  /** `/security/*` errors as documented in June 2025: JSON 400/401. */
  legacyErrors: boolean
  /** Methods that `/security/token` accepts; others get 405. */
  securityVerbs: 'any' | 'get' | 'post'
  /** Whether a media server accepts plex.tv's JWTs. */
  jwtAtPms: boolean
  /** Status of a successful sign-in. */
  signInStatus: 200 | 201
  /** 1041 without `status` in its body, as in older recordings. */
  homePinErrorWithoutStatus: boolean
  /** Reads `X-Plex-*` from a Cookie header, as old media servers do. */
  parametersInCookie: boolean
  /** Event streams: a `ping` at once and then at this interval in ms; null sends none. */
  pingMs: number | null
  /** Which library media servers list: numbered films, for tests, or the small one, for people. */
  library: 'numbered' | 'small'
  /** Sends photographs of so many bytes in place of drawings; 0 sends the drawings. */
  pictureBytes: number
  /** plex.tv's session cookie; null sends none. */
  plexCookie: string | null
}

export const PLEX_COOKIE_SECRET = 'sim-coo-tok-00000000'

export function createModes(): Modes {
  return {
    deadToken: 401,
    unknownPin: 404,
    languages: 'null',
    device: 'object',
    unknownFields: false,
    legacyErrors: false,
    securityVerbs: 'any',
    jwtAtPms: false,
    signInStatus: 201,
    homePinErrorWithoutStatus: false,
    parametersInCookie: false,
    pingMs: 10_000,
    library: 'numbered',
    pictureBytes: 0,
    plexCookie: `_my-plex_session_32=${PLEX_COOKIE_SECRET}; path=/; HttpOnly; secure`
  }
}
