import type { Motif } from './drawings.ts'

/** A film, series or episode that nobody has made. */
export interface Invented {
  readonly title: string
  readonly year: number
  readonly summary: string
  readonly genres: readonly string[]
  readonly tagline?: string
  readonly contentRating: string
  readonly studio: string
  readonly director?: string
  readonly cast: readonly (readonly [name: string, role: string])[]
  readonly motif: Motif
  /** From the sky down to what stands before it. */
  readonly palette: readonly [string, string, string, string]
}

const film = (
  title: string,
  year: number,
  genres: readonly string[],
  [motif, ...palette]: readonly [Motif, string, string, string, string],
  tagline: string,
  summary: string
): Invented => ({
  title,
  year,
  genres,
  motif,
  palette,
  tagline,
  summary,
  contentRating: genres.includes('Thriller') ? '16' : '6',
  studio: 'Rialto Pictures of Nowhere',
  director: year % 2 === 0 ? 'Ines Valcourt' : 'Tomas Okafor',
  cast: [
    ['Mara Lindqvist', 'The keeper'],
    ['Jonas Abara', 'The stranger'],
    ['Ada Fontaine', 'A voice on the radio']
  ]
})

export const FILMS: readonly Invented[] = [
  film(
    'The Lighthouse Ledger',
    2021,
    ['Drama', 'Mystery'],
    ['beacon', '#0b1d3a', '#31587a', '#f4c95d', '#071020'],
    'Every ship is written down. One is written twice.',
    'A book-keeper is sent to close a lighthouse and finds in its ledger a ship that will arrive tomorrow.'
  ),
  film(
    'Nine Degrees of Frost',
    2019,
    ['Thriller'],
    ['peaks', '#16324f', '#7fa7c9', '#eef6ff', '#0c1a2b'],
    'The pass closes at dusk.',
    'Six strangers share a mountain hut, five beds and one telephone that rings once a night.'
  ),
  film(
    'Orbit of the Moth',
    2024,
    ['Science Fiction', 'Adventure'],
    ['orbit', '#120b2e', '#4b2a78', '#ff9d5c', '#06040f'],
    'It only wanted the light.',
    'A cleaning drone leaves its station to follow a star, and the only pilot who can follow is on strike.'
  ),
  film(
    'A Map of Small Fires',
    2017,
    ['Drama'],
    ['flames', '#2b0f14', '#7a2230', '#ffb347', '#14060a'],
    'Some roads are drawn in ash.',
    'Two sisters retrace the summer in which their village burned, field by field.'
  ),
  film(
    'The Lisbon Umbrella',
    2015,
    ['Comedy', 'Crime'],
    ['umbrella', '#e8b04b', '#d9643a', '#f7f1e3', '#31202b'],
    'Left on a tram. Wanted by everyone.',
    'An umbrella with a secret in its handle changes hands eleven times between two stops of line 28.'
  ),
  film(
    'Saltwater Radio',
    2022,
    ['Comedy'],
    ['waves', '#0f4c5c', '#2f9c95', '#ffe1a8', '#08262e'],
    'You are listening to nobody.',
    'A pirate station in the North Sea has one listener. She would like to complain about the music.'
  ),
  film(
    'The Glass Orchard',
    2018,
    ['Fantasy'],
    ['trees', '#1d3b2a', '#68a67d', '#e9f5c9', '#0d1f16'],
    'Do not pick them at noon.',
    'A glazier inherits an orchard whose apples ring, and a neighbour who has been listening for years.'
  ),
  film(
    'Midnight at the Weather Station',
    2023,
    ['Science Fiction', 'Thriller'],
    ['moon', '#0a0f24', '#2b3a67', '#dfe7fd', '#04060f'],
    'The forecast was for someone else.',
    'The instruments report a storm that nobody can see, and it is coming up the stairs.'
  ),
  film(
    'Twelve Bridges',
    2016,
    ['Romance', 'Drama'],
    ['bridge', '#3a1c4a', '#c7567a', '#ffd3a5', '#1a0d24'],
    'They met on the thirteenth.',
    'Two bridge inspectors with the same list begin at opposite ends of a city.'
  ),
  film(
    'Borrowed Thunder',
    2020,
    ['Adventure', 'Fantasy'],
    ['bolt', '#1b1f3b', '#53599a', '#f9f871', '#0b0d1c'],
    'To be returned by Thursday.',
    'A librarian lends out the weather and has four days to get it back.'
  ),
  film(
    'Quiet Machines',
    2025,
    ['Science Fiction', 'Drama'],
    ['gears', '#23272e', '#5c6b73', '#9db4c0', '#101215'],
    'They stopped so that we could hear.',
    'When all looms of a valley fall silent at once, a deaf engineer is the first to notice.'
  ),
  film(
    '雪のあとに',
    2014,
    ['Animation', 'Fantasy'],
    ['snow', '#5b7db1', '#c9d8ef', '#ffffff', '#23395b'],
    'After the snow',
    '雪がやんだ朝、少女は足あとのない道を見つける。A girl finds a road without a footprint, and follows it.'
  )
]

export const SERIES: Invented = {
  title: 'Northbound Line',
  year: 2023,
  genres: ['Drama', 'Mystery'],
  contentRating: '12',
  studio: 'Rialto Pictures of Nowhere',
  motif: 'rails',
  palette: ['#15243b', '#3f6a8a', '#ff7f51', '#0a111d'],
  cast: [
    ['Ada Fontaine', 'The conductor'],
    ['Tariq Moran', 'Seat 14']
  ],
  summary:
    'The night train to the coast makes one stop that is on no timetable, and each night somebody gets on.'
}

/** By season: titles and summaries. */
export const EPISODES: readonly (readonly (readonly [title: string, summary: string])[])[] = [
  [
    [
      'The Unlisted Stop',
      'The train halts in a wood. The conductor writes down the time, and the doors stay shut.'
    ],
    ['Seat Fourteen', 'A passenger with a ticket for last year insists that his seat is taken by himself.'],
    ['Lost Property', 'A suitcase is handed in before it is lost.']
  ],
  [
    ['Winter Timetable', 'Snow closes the line, but the night train keeps arriving.'],
    ['The Points', 'A signal box that was torn down asks for the password.'],
    ['Terminus', 'Everybody changes here.']
  ]
]
