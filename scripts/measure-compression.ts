// What compression saves and costs for the list of a library of 5,000 films, beside nginx with `gzip on`: bytes, and CPU
// as a ratio. Builds Usher, and needs nginx. node scripts/measure-compression.ts
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stdout } from 'node:process'
import { cpuSeconds, processTree } from '../bench/cpu.ts'
import { launchNginx } from '../bench/nginx.ts'
import { ask, isInstalled, waitFor } from '../bench/process.ts'
import { identity, root } from '../bench/upstream.ts'
import { buildUsher, usherContender, usherOptions } from '../bench/usher.ts'
import { startSimulator } from '../test/simulator/simulator.ts'
import { freePort } from '../test/support/ports.ts'

const FILMS = 5000
const ROUNDS = 11
const PATHS = { JSON: '/library/all', XML: '/library/recentlyAdded' } as const
const TOKEN = 'sim-own-tok-Bench001'
const WORDS =
  'a taken kingdom to keep the oath knight takes road back it ends in tent of other king who spoke often broken clock ' +
  'winter harbour letter daughter silence engine orchard stranger island debt signal mountain brother machine river'
const VOCABULARY = WORDS.split(' ')
/** Everything on one core, so that what happens beside it counts the same for all. */
const CORE = 0

/** The same numbers every time. */
let seed = 20_240_229
function random(limit: number): number {
  seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff
  return seed % limit
}

function words(count: number): string {
  return Array.from({ length: count }, () => VOCABULARY[random(VOCABULARY.length)]).join(' ')
}

const hex = (digits: number): string => Array.from({ length: digits }, () => random(16).toString(16)).join('')

type Fields = Record<string, string | number>
interface Film {
  readonly fields: Fields
  readonly children: readonly (readonly [name: string, fields: Fields])[]
}

/** One film of a list, as a media server describes it. */
function film(number: number): Film {
  const key = `/library/metadata/${number}`
  const tags = (name: string, count: number) =>
    Array.from({ length: count }, () => [name, { tag: words(2) }] as const)
  return {
    fields: {
      ratingKey: String(number),
      key,
      guid: `plex://movie/${hex(24)}`,
      studio: words(2),
      type: 'movie',
      title: words(3),
      contentRating: ['G', 'PG', 'PG-13', 'R'][random(4)] ?? 'G',
      summary: words(25 + random(60)),
      rating: random(100) / 10,
      audienceRating: random(100) / 10,
      year: 1930 + random(95),
      tagline: words(8),
      thumb: `${key}/thumb/${1_600_000_000 + random(99_999_999)}`,
      art: `${key}/art/${1_600_000_000 + random(99_999_999)}`,
      duration: 4_000_000 + random(6_000_000),
      originallyAvailableAt: `${1930 + random(95)}-0${1 + random(9)}-1${random(10)}`,
      addedAt: 1_600_000_000 + random(99_999_999),
      updatedAt: 1_600_000_000 + random(99_999_999),
      audienceRatingImage: 'rottentomatoes://image.rating.upright'
    },
    children: [
      ...tags('Genre', 2),
      ...tags('Country', 1),
      ...tags('Director', 1),
      ...tags('Writer', 2),
      ...tags('Role', 3)
    ]
  }
}

function toJson(films: readonly Film[]): string {
  const Metadata = films.map(({ fields, children }) => ({
    ...fields,
    ...Object.groupBy(
      children.map(([name, child]) => ({ name, ...child })),
      ({ name }) => name
    )
  }))
  return JSON.stringify({ MediaContainer: { size: films.length, Metadata } })
}

function toXml(films: readonly Film[]): string {
  const attributes = (fields: Fields): string =>
    Object.entries(fields)
      .map(([name, value]) => ` ${name}="${value}"`)
      .join('')
  const videos = films.map(
    ({ fields, children }) =>
      `<Video${attributes(fields)}>\n${children.map(([name, child]) => `<${name}${attributes(child)}/>\n`).join('')}</Video>\n`
  )
  return `<?xml version="1.0" encoding="UTF-8"?>\n<MediaContainer size="${films.length}">\n${videos.join('')}</MediaContainer>\n`
}

interface Way {
  readonly name: string
  readonly url: string
  readonly pids: () => readonly number[]
  readonly headers: Readonly<Record<string, string>>
}

const median = (values: readonly number[]): number =>
  values.toSorted((left, right) => left - right)[values.length >>> 1] ?? 0

/** The bytes of one answer, and the CPU seconds of each. */
async function measure(
  { url, pids, headers }: Way,
  path: string
): Promise<{ bytes: number; seconds: number }> {
  const before = cpuSeconds(pids())
  const { status, body } = await ask(`${url}${path}`, headers, { timeoutMs: 60_000 })
  if (status !== 200) throw new Error(`${url}${path} answered ${status}`)
  return { bytes: body.length, seconds: cpuSeconds(pids()) - before }
}

if (!isInstalled('nginx')) throw new Error('nginx is missing')
buildUsher()
const directory = mkdtempSync(join(tmpdir(), 'usher-compression-'))
const simulator = await startSimulator()
const options = usherOptions(simulator.plexUrl)
const films = Array.from({ length: FILMS }, (_, at) => film(1000 + at))
const files = { JSON: join(directory, 'films.json'), XML: join(directory, 'films.xml') }
writeFileSync(files.JSON, toJson(films))
writeFileSync(files.XML, toXml(films))

const [serverPort, plainPort, gzipPort] = [await freePort(), await freePort(), await freePort()]
const server = launchNginx(
  'server',
  `server {
    listen 127.0.0.1:${serverPort};
    location = /identity { default_type application/json; return 200 '${identity(options.machineIdentifier)}'; }
    location = / { default_type application/json; return 200 '${root(options.machineIdentifier)}'; }
    location = ${PATHS.JSON} { types {} default_type application/json; alias ${files.JSON}; }
    location = ${PATHS.XML} { types {} default_type "text/xml;charset=utf-8"; alias ${files.XML}; }
  }`,
  directory,
  CORE
)
const proxyOf = (port: number, gzip: string): string => `server {
    listen 127.0.0.1:${port};
    ${gzip}
    location / {
      proxy_pass http://127.0.0.1:${serverPort};
      proxy_http_version 1.1;
      proxy_set_header Accept-Encoding "";
      proxy_set_header X-Plex-Token ${TOKEN};
      proxy_max_temp_file_size 0;
    }
  }`
const plain = launchNginx('plain', proxyOf(plainPort, ''), directory, CORE)
const gzip = launchNginx(
  'gzip',
  proxyOf(gzipPort, 'gzip on; gzip_proxied any; gzip_types application/json text/xml;'),
  directory,
  CORE
)
const serverUrl = `http://127.0.0.1:${serverPort}`
await waitFor(`${serverUrl}/identity`)
const usher = await usherContender('usher', 'Usher', options).start({
  cores: { proxy: CORE, load: CORE },
  upstream: serverUrl,
  directory
})
try {
  const ofUsher = (coding: string): Way => ({
    name: coding === 'identity' ? 'Usher, plain' : `Usher, ${coding}`,
    url: usher.url,
    pids: () => processTree(usher.pids),
    headers: { Cookie: usher.cookie, 'Accept-Encoding': coding }
  })
  const ofNginx = (name: string, port: number, pid: number): Way => ({
    name,
    url: `http://127.0.0.1:${port}`,
    pids: () => processTree([pid]),
    headers: { 'Accept-Encoding': 'gzip' }
  })
  const ways = [
    ofNginx('nginx, plain', plainPort, plain.pid),
    ofNginx('nginx, gzip on', gzipPort, gzip.pid),
    ...['identity', 'gzip', 'br', 'zstd'].map(ofUsher)
  ]
  for (const [format, path] of Object.entries(PATHS)) {
    for (const way of ways) await measure(way, path)
    const seconds = new Map<Way, number[]>(ways.map((way) => [way, []]))
    const bytes = new Map<Way, number>()
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const way of ways) {
        const figure = await measure(way, path)
        seconds.get(way)?.push(figure.seconds)
        bytes.set(way, figure.bytes)
      }
    }
    const reference = seconds.get(ways[1] as Way) ?? []
    const whole = bytes.get(ways[0] as Way) ?? 1
    stdout.write(
      `\n| ${FILMS} films as ${format} | bytes | of the plain text | CPU ÷ nginx gzip |\n| --- | ---: | ---: | ---: |\n`
    )
    for (const way of ways) {
      const ratio = median((seconds.get(way) ?? []).map((value, round) => value / (reference[round] ?? 1)))
      const size = bytes.get(way) ?? 0
      stdout.write(
        `| ${way.name} | ${size.toLocaleString('en')} | ${((100 * size) / whole).toFixed(1)} % | ${ratio.toFixed(2)} |\n`
      )
    }
  }
} finally {
  await usher.stop()
  for (const process_ of [plain, gzip, server]) await process_.stop()
  await simulator.close()
  rmSync(directory, { recursive: true, force: true })
}
