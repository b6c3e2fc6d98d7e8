import type { ServerRole } from '../domain/roles.ts'

/** Kinds of traffic: short responses, media bytes, endless event streams, protocol upgrades. */
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
  /** For the owner only, and only with USHER_OWNER_ADMIN. */
  readonly admin?: true
  /** The GET changes something at the server, so the same-origin check treats it as unsafe. */
  readonly unsafe?: true
  /** Limits on parameters. Without it every parameter passes, except those that identify a caller. */
  readonly parameters?: ParameterRule
}

/**
 * `local-url`: the server fetches what `url` and `path` name, so they must be its own paths. `own-uri`: `uri` must name
 * items of this server. `picture`: `url` must be a picture of this server, or of a source that it uses itself. A list:
 * only these parameters, and those of playback.
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

// Further filters, by the keys in a section's `filters` answer. Without `location`, which reveals the server's folders,
// and without what only an owner needs (`unmatched`, `duplicate`, `trash`).
const SECTION_FILTERS =
  'collection|writer|producer|network|audioLanguage|subtitleLanguage|editionTitle|hdr|inProgress' +
  '|mood|style|format|subformat|make|model|lens|aperture|exposure|iso|place|tag|autotag'

const ITEM_VIEWS =
  'children|grandchildren|allLeaves|onDeck|related|similar|extras|reviews|postplay|tree|nearest|availabilityStreams'

const ITEM_IMAGES = 'thumb|art|banner|poster|composite|clearLogo|parentThumb|grandparentThumb|squareArt'

/**
 * The paths allowed below /pms; all others are denied. reference/plex.md#never-forwarded lists paths that no role may
 * use: no row names them, and a test checks it.
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
  // Music: a path of similar tracks between two (python-plexapi: sonicAdventure).
  open('/library/sections/{ids}/computePath'),
  // The keys of an item's Mood, Style and Collection tags (Plex Web).
  open('/library/sections/{ids}/mood|style|collection/{any}'),
  // Search across libraries, their tags (python-plexapi: Library.tags), and single items that were shared, which
  // belong to no section (Plezy).
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
  // The key of a section's Continue Watching hub.
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

  // Playlists belong to an account, and the server shows each account its own (python-plexapi: Playlist.create,
  // addItems, moveItem, removeItems, edit, delete). `uri` could name another server or a provider.
  open('/playlists', { methods: ['POST'], parameters: 'own-uri' }),
  open('/playlists/{ids}', { methods: ['PUT', 'DELETE'], parameters: 'own-uri' }),
  open('/playlists/{ids}/items', { methods: ['PUT', 'DELETE'], parameters: 'own-uri' }),
  open('/playlists/{ids}/items/{ids}', { methods: ['DELETE'] }),
  open('/playlists/{ids}/items/{ids}/move', { methods: ['PUT'] }),

  // Playing. The server stores the chosen audio and subtitles for each account (python-plexapi:
  // MediaPart.setSelectedAudioStream).
  open('/library/parts/{ids}', {
    methods: ['PUT'],
    parameters: ['audioStreamID', 'subtitleStreamID', 'allParts']
  }),
  open('/playQueues/{ids}'),
  open('/playQueues', { methods: ['POST'], parameters: 'own-uri' }),
  open('/playQueues/{ids}', { methods: ['PUT'], parameters: 'own-uri' }),
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
  // Posters: listed, chosen and uploaded (python-plexapi: posters, setPoster, uploadPoster). The list names pictures as
  // /library/metadata/1/file?url=upload://posters/…
  admin(['GET'], '/library/metadata/{ids}/file', { parameters: 'picture' }),
  admin(['POST'], '/library/metadata/{ids}/posters|arts', { parameters: 'picture' }),
  admin(['PUT'], '/library/metadata/{ids}/poster|art', { parameters: 'picture' }),
  admin(GET, '/hubs/sections/{ids}/manage')
]
