/** The longest values in characters. A profile names every codec of a device. */
const PROFILE_MAX = 8192
const NAME_MAX = 512

/**
 * The X-Plex fields of a caller that pass, as header or query parameter, with the longest value of each: playback,
 * paging, and what the transcoder picks its profile by. None of them identifies the caller. Usher sets all others.
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

/** Usher sets this field too; the caller's takes precedence. */
export const PLATFORM_FIELD = 'x-plex-platform'

/** Whether a field of the caller, with its name in lower case, may pass. */
export function isPlaybackField(name: string, value: string | null): boolean {
  const longest = PLAYBACK_FIELDS.get(name)
  // A control character could start another line in the server's log.
  return longest !== undefined && value !== null && value.length <= longest && !/\p{Cc}/u.test(value)
}
