// What the masks cost, against a copy of the same bytes and against JSON.parse, on this machine: ratios, not times.
// node scripts/measure-masks.ts
import { stdout } from 'node:process'
import { createScrubbers, type Grammar } from '../src/scrub/scrubber.ts'

const PIECE_BYTES = 64 * 1024
const ROUNDS = 21
const ROUND_BYTES = 40_000_000
const TOKENS = ['xYz12AbCdEfGh3456Jk7', 'sim-usr-tok-0Ab1Cd2E']

const SUMMARY =
  'A taken kingdom; to keep the oath, the knight takes the road back. It ends in the tent of the other king, who ' +
  'spoke often of a broken clock.'

function film(number: number, summary: string): Record<string, string | number> {
  const key = `/library/metadata/${number}`
  return {
    ratingKey: String(number),
    key,
    guid: `plex://movie/5d776b59ad5437001f79c6${number}`,
    type: 'movie',
    title: `The stolen oak ${number}`,
    summary,
    year: 1999,
    thumb: `${key}/thumb/1745854354`,
    art: `${key}/art/1745854354`,
    duration: 24_000
  }
}

/** A list of films as a media server sends it, of about so many bytes. */
function toDocument(grammar: Grammar, bytes: number, summary: string): Buffer {
  const films: string[] = []
  for (let length = 0, number = 1000; length < bytes; number++) {
    const fields = film(number, summary)
    const text =
      grammar === 'json'
        ? JSON.stringify(fields)
        : `<Video ${Object.entries(fields)
            .map(([name, value]) => `${name}="${value}"`)
            .join(' ')}/>`
    films.push(text)
    length += text.length
  }
  return Buffer.from(
    grammar === 'json'
      ? `{"MediaContainer":{"Metadata":[${films.join(',')}]}}`
      : `<?xml version="1.0" encoding="UTF-8"?>\n<MediaContainer>${films.join('\n')}</MediaContainer>`
  )
}

function cut(body: Buffer): Buffer[] {
  const pieces: Buffer[] = []
  for (let at = 0; at < body.length; at += PIECE_BYTES) pieces.push(body.subarray(at, at + PIECE_BYTES))
  return pieces
}

/** Milliseconds of CPU that this process spends on one run. */
function cost(run: () => unknown, times: number): number {
  const before = process.cpuUsage()
  for (let i = 0; i < times; i++) run()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000 / times
}

const median = (values: readonly number[]): number =>
  values.toSorted((left, right) => left - right)[values.length >>> 1] ?? 0

const create = createScrubbers(TOKENS)
stdout.write('document           ÷ copy   ÷ JSON.parse\n')
for (const grammar of ['json', 'xml'] as const) {
  for (const [name, bytes, summary] of [
    ['64 KB', 65_536, SUMMARY],
    ['64 KB, hits', 65_536, `${SUMMARY} One last token: 'tis the season.`],
    ['1 MB', 1_000_000, SUMMARY],
    ['20 MB', 20_000_000, SUMMARY]
  ] as const) {
    const body = toDocument(grammar, bytes, summary)
    const pieces = cut(body)
    const text = toDocument('json', bytes, summary).toString()
    const mask = (): void => {
      const scrubber = create(grammar)
      for (const piece of pieces) scrubber.scrub(piece)
      scrubber.flush()
    }
    const copy = (): void => {
      for (const piece of pieces) Buffer.from(piece)
    }
    const parse = (): unknown => JSON.parse(text)
    const times = Math.max(1, Math.round(ROUND_BYTES / ROUNDS / body.length))
    for (const run of [mask, copy, parse]) cost(run, times * 3)
    const rounds = Array.from({ length: ROUNDS }, () => {
      const own = cost(mask, times)
      return [own / cost(copy, times), own / cost(parse, times)] as const
    })
    const byCopy = median(rounds.map(([ratio]) => ratio)).toFixed(2)
    const byParse = median(rounds.map(([, ratio]) => ratio)).toFixed(3)
    stdout.write(`${`${grammar}, ${name}`.padEnd(18)} ${byCopy.padStart(6)}   ${byParse.padStart(8)}\n`)
  }
}
