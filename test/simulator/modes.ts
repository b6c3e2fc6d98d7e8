/** Lasting variations of the answers that reference/plex.md describes; set with `modes.set`. */
export interface Modes {
  /** What a dead token gets from plex.tv: 401/1001, or 422 `Invalid token`. */
  deadToken: 401 | 422
  /** Status of a PIN that is unknown or over. */
  unknownPin: 404 | 410
  /** `defaultAudioLanguages` and `defaultSubtitleLanguages` of a profile. */
  languages: 'null' | 'array' | 'string'
  /** `Device` in `/security/resources`. */
  device: 'object' | 'array'
  /** Fields that no document knows, in every JSON object answered. */
  unknownFields: boolean
  /** `/security/*` errors as in June 2025: JSON 400/401. */
  legacyErrors: boolean
  /** Which verbs `/security/token` takes; others get 405. */
  securityVerbs: 'any' | 'get' | 'post'
  /** Whether a media server takes plex.tv's JWTs. */
  jwtAtPms: boolean
  /** Sign-in's success status. */
  signInStatus: 200 | 201
  /** 1041 without `status` in its body, as older recordings have it. */
  homePinErrorWithoutStatus: boolean
  /** `X-Plex-*` out of a Cookie header, as old media servers took them. */
  parametersInCookie: boolean
  /** Event streams: a `ping` at once and then every so many ms; `null` never sends one by itself. */
  pingMs: number | null
  /** What plex.tv sends as session cookie; `null` none. */
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
    plexCookie: `_my-plex_session_32=${PLEX_COOKIE_SECRET}; path=/; HttpOnly; secure`
  }
}
