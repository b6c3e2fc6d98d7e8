/** Characters that a value may have at most: a profile names every codec of a device. */
const PROFILE_MAX = 8192
const NAME_MAX = 512

/**
 * The caller's own X-Plex fields that may pass, as header or as query parameter, and how long they may be: playback,
 * paging, and what the transcoder picks its profile by. None of them says who is asking; every other X-Plex field is
 * Usher's to set.
 */
const PLAYBACK_FIELDS: ReadonlyMap<string, number> = new Map([
  ['x-plex-chunked', NAME_MAX],
  ['x-plex-client-capabilities', PROFILE_MAX],
  ['x-plex-client-profile-extra', PROFILE_MAX],
  ['x-plex-client-profile-name', NAME_MAX],
  ['x-plex-container-focus-key', NAME_MAX],
  ['x-plex-container-size', NAME_MAX],
  ['x-plex-container-start', NAME_MAX],
  ['x-plex-device-screen-resolution', NAME_MAX],
  ['x-plex-features', NAME_MAX],
  ['x-plex-incomplete-segments', NAME_MAX],
  ['x-plex-language', NAME_MAX],
  ['x-plex-platform', NAME_MAX],
  ['x-plex-playback-id', NAME_MAX],
  ['x-plex-playback-session-id', NAME_MAX],
  ['x-plex-pms-api-version', NAME_MAX],
  ['x-plex-session-id', NAME_MAX],
  ['x-plex-session-identifier', NAME_MAX],
  ['x-plex-text-format', NAME_MAX]
])

/** The one field that Usher sets too, and the caller's counts before it. */
export const PLATFORM_FIELD = 'x-plex-platform'

/** Whether a lower-case name is one of the caller's X-Plex fields that may pass, with a value that is one. */
export function isPlaybackField(name: string, value: string | null): boolean {
  const longest = PLAYBACK_FIELDS.get(name)
  // A control character would be another line where the value is logged.
  return longest !== undefined && value !== null && value.length <= longest && !/\p{Cc}/u.test(value)
}
