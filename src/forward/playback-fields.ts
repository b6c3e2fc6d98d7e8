/**
 * The caller's own X-Plex fields that may pass, as header or as query parameter: playback, paging and the
 * transcoder's profile. None of them says who is asking; every other X-Plex field is Usher's to set.
 */
const PLAYBACK_FIELDS: ReadonlySet<string> = new Set([
  'x-plex-chunked',
  'x-plex-client-profile-extra',
  'x-plex-client-profile-name',
  'x-plex-container-focus-key',
  'x-plex-container-size',
  'x-plex-container-start',
  'x-plex-incomplete-segments',
  'x-plex-language',
  'x-plex-playback-id',
  'x-plex-playback-session-id',
  'x-plex-pms-api-version',
  'x-plex-session-id',
  'x-plex-session-identifier',
  'x-plex-text-format'
])

/** Whether a lower-case name is one of the caller's X-Plex fields that may pass. */
export function isPlaybackField(name: string): boolean {
  return PLAYBACK_FIELDS.has(name)
}
