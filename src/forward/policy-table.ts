import type { ServerRole } from '../domain/roles.ts'

/** How an answer travels: a short one, media bytes, an endless event stream, or a protocol upgrade. */
export type RouteClass = 'api' | 'media' | 'event' | 'upgrade'

export interface Rule {
  readonly methods: readonly string[]
  /**
   * Segments: a literal, `{ids}` (digits and commas), `{any}` (one segment), `{rest}` (one to five
   * segments, last only), or `a|b|c` (one of these).
   */
  readonly pattern: string
  readonly least: ServerRole
  readonly class: RouteClass
  /** Reached only by the owner, and only with USHER_OWNER_ADMIN. */
  readonly admin?: true
  /** A GET that changes something at the server: counts as unsafe for the same-origin rule. */
  readonly unsafe?: true
  /** What the parameters may be; without it, anything but an identity. */
  readonly parameters?: ParameterRule
}

/**
 * `local-url`: `url` and `path` make the server fetch that address, so only its own paths may stand there. `own-uri`:
 * `uri` names items, of this very server only. `picture`: `url` is a picture that the server has, or finds where it
 * finds pictures itself. A list: no parameters but these, and those of playback.
 */
export type ParameterRule = 'local-url' | 'own-uri' | 'picture' | readonly string[]

const GET = ['GET'] as const
const WRITE = ['GET', 'POST', 'PUT'] as const

const open = (pattern: string, extra: Partial<Rule> = {}): Rule => ({
  methods: GET,
  pattern,
  least: 'shared',
  class: 'api',
  ...extra
})

const admin = (methods: readonly string[], pattern: string, extra: Partial<Rule> = {}): Rule => ({
  methods,
  pattern,
  least: 'owner',
  class: 'api',
  admin: true,
  ...extra
})

const SECTION_VIEWS =
  'all|allLeaves|albums|onDeck|recentlyAdded|recentlyViewed|recentlyViewedShows|newest|unwatched|collections' +
  '|playlists|categories|cluster|common|filters|sorts|fields|firstCharacter|firstCharacters|folder|folders' +
  '|genre|year|decade|contentRating|resolution|director|actor|country|studio|search|arts|moments|nearest|label'

// What else the filters of a section are asked for, by the keys that its `filters` answer names. Not `location`, which
// tells the server's folders, and not what only the owner tidies up with (`unmatched`, `duplicate`, `trash`).
const SECTION_FILTERS =
  'collection|writer|producer|network|audioLanguage|subtitleLanguage|editionTitle|hdr|inProgress' +
  '|mood|style|format|subformat|make|model|lens|aperture|exposure|iso|place|tag|autotag'

const ITEM_VIEWS =
  'children|grandchildren|allLeaves|onDeck|related|similar|extras|reviews|postplay|tree|nearest|availabilityStreams'

const ITEM_IMAGES = 'thumb|art|banner|poster|composite|clearLogo|parentThumb|grandparentThumb|squareArt'

/**
 * What may be reached below /pms; whatever is not here is refused. The paths nobody reaches by any role are those of
 * reference/plex.md#never-forwarded: no row names them, and a test lists them.
 */
export const POLICY_TABLE: readonly Rule[] = [
  // The server itself.
  open('/'),
  open('/identity'),
  open('/media/providers'),
  open('/:/resources/{any}'),

  // Browsing.
  open('/library'),
  open('/library/all'),
  open('/library/onDeck'),
  open('/library/recentlyAdded'),
  open('/library/sections'),
  open('/library/sections/all'),
  open('/library/sections/{ids}'),
  open(`/library/sections/{ids}/${SECTION_VIEWS}`),
  open(`/library/sections/{ids}/${SECTION_VIEWS}/{any}`),
  open(`/library/sections/{ids}/${SECTION_FILTERS}`),
  open('/library/sections/{ids}/autocomplete'),
  open('/library/sections/{ids}/composite/{any}'),
  open('/library/metadata/{ids}'),
  open(`/library/metadata/{ids}/${ITEM_VIEWS}`),
  open(`/library/metadata/{ids}/${ITEM_IMAGES}`),
  open(`/library/metadata/{ids}/${ITEM_IMAGES}/{any}`),
  // A music library's mixes: from one track to another by sound (python-plexapi: sonicAdventure).
  open('/library/sections/{ids}/computePath'),
  // Tags lead on to the items under them (Plex Web, by the keys of an item's Mood, Style and Collection).
  open('/library/sections/{ids}/mood|style|collection/{any}'),
  // Search over all libraries, their tags (python-plexapi: Library.tags), and what others shared item by item, which has
  // no section (Plezy).
  open('/library/search'),
  open('/library/tags'),
  open('/library/shared/all'),
  open('/library/collections/{ids}'),
  open('/library/collections/{ids}/children|items'),
  open('/library/collections/{ids}/composite|thumb|art/{any}'),
  open('/library/people/{any}'),
  open('/library/people/{any}/media'),
  open('/library/media/{ids}/chapterImages/{any}'),
  open('/hubs'),
  open('/hubs/promoted'),
  open('/hubs/continueWatching'),
  open('/hubs/continueWatching/items'),
  open('/hubs/home'),
  open('/hubs/home/{any}'),
  open('/hubs/items'),
  open('/hubs/search'),
  open('/hubs/search/voice'),
  open('/hubs/sections/{ids}'),
  // The key of a section's own deck.
  open('/hubs/sections/{ids}/continueWatching/items'),
  open('/hubs/metadata/{ids}'),
  open(`/hubs/metadata/{ids}/${ITEM_VIEWS}`),
  open('/search'),
  open('/playlists'),
  open('/playlists/all'),
  open('/playlists/{ids}'),
  open('/playlists/{ids}/items'),
  open('/playlists/{ids}/composite/{any}'),
  open('/status/sessions/history/all'),
  open('/photo/:/transcode', { parameters: 'local-url' }),

  // One's own playlists: the server keeps them for each account (python-plexapi: Playlist.create, addItems, moveItem,
  // removeItems, edit, delete). `uri` could name another server or a provider.
  open('/playlists', { methods: ['POST'], parameters: 'own-uri' }),
  open('/playlists/{ids}', { methods: ['PUT', 'DELETE'], parameters: 'own-uri' }),
  open('/playlists/{ids}/items', { methods: ['PUT', 'DELETE'], parameters: 'own-uri' }),
  open('/playlists/{ids}/items/{ids}', { methods: ['DELETE'] }),
  open('/playlists/{ids}/items/{ids}/move', { methods: ['PUT'] }),

  // Playing.
  // Audio and subtitles are chosen by each account for itself (python-plexapi: MediaPart.setSelectedAudioStream); what
  // else the path can change is not.
  open('/library/parts/{ids}', {
    methods: ['PUT'],
    parameters: ['audioStreamID', 'subtitleStreamID', 'allParts']
  }),
  open('/playQueues/{ids}'),
  open('/playQueues', { methods: ['POST'] }),
  open('/playQueues/{ids}', { methods: ['PUT'] }),
  open('/playQueues/{ids}/shuffle|unshuffle|reset', { methods: ['PUT'] }),
  open('/playQueues/{ids}/items/{ids}/move', { methods: ['PUT'] }),
  open('/playQueues/{ids}/items/{ids}', { methods: ['DELETE'] }),
  // python-plexapi: updateProgress and removeFromContinueWatching.
  open('/:/progress', { unsafe: true }),
  open('/actions/removeFromContinueWatching', { methods: ['PUT'] }),
  open('/:/timeline', { methods: WRITE, unsafe: true }),
  open('/:/scrobble', { methods: WRITE, unsafe: true }),
  open('/:/unscrobble', { methods: WRITE, unsafe: true }),
  open('/:/rate', { methods: WRITE, unsafe: true }),
  open('/library/parts/{ids}/{any}', { class: 'media' }),
  open('/library/parts/{ids}/{any}/{any}', { class: 'media' }),
  open('/library/parts/{ids}/indexes/{any}/{any}', { class: 'media' }),
  open('/library/streams/{any}', { class: 'media' }),
  open('/library/streams/{ids}/levels|loudness'),
  open('/library/metadata/{ids}/theme/{any}', { class: 'media' }),
  open('/video|music|audio|subtitles/:/transcode/universal/decision', { parameters: 'local-url' }),
  open('/video|music|audio|subtitles/:/transcode/universal/ping', { parameters: 'local-url' }),
  open('/video|music|audio|subtitles/:/transcode/universal/stop', { parameters: 'local-url', unsafe: true }),
  open('/video|music|audio|subtitles/:/transcode/universal/fallback', {
    methods: ['POST'],
    parameters: 'local-url'
  }),
  open('/video|music|audio|subtitles/:/transcode/universal/subtitles', {
    class: 'media',
    parameters: 'local-url'
  }),
  open(
    '/video|music|audio|subtitles/:/transcode/universal/start|start.m3u8|start.mpd|start.mkv|start.mp3|start.mp4',
    { class: 'media', parameters: 'local-url' }
  ),
  open('/video|music|audio|subtitles/:/transcode/universal/session|dash/{rest}', {
    class: 'media',
    parameters: 'local-url'
  }),

  // Live.
  open('/:/eventsource/notifications', { class: 'event' }),
  open('/:/websocket|websockets/notifications', { class: 'upgrade' }),

  // The owner's administration (reference/plex.md#media-server-rights), with USHER_OWNER_ADMIN only. Never a DELETE.
  admin(GET, '/status/sessions'),
  admin(GET, '/transcode/sessions'),
  admin(GET, '/activities'),
  admin(['GET', 'POST'], '/library/sections/{ids}|all/refresh', { unsafe: true }),
  admin(['PUT'], '/library/sections/{ids}/analyze|emptyTrash'),
  admin(['PUT'], '/library/metadata/{ids}'),
  admin(['PUT'], '/library/metadata/{ids}/refresh|analyze|match|unmatch'),
  admin(GET, '/library/metadata/{ids}/matches|posters|arts'),
  // A poster is seen, chosen and uploaded (python-plexapi: posters, setPoster, uploadPoster). The pictures of the list
  // are addressed as /library/metadata/1/file?url=upload://posters/…
  admin(['GET'], '/library/metadata/{ids}/file', { parameters: 'picture' }),
  admin(['POST'], '/library/metadata/{ids}/posters|arts', { parameters: 'picture' }),
  admin(['PUT'], '/library/metadata/{ids}/poster|art', { parameters: 'picture' }),
  admin(GET, '/hubs/sections/{ids}/manage')
]
