import t from 'tap'
import { fc } from '../../support/properties.ts'
import { type Case, cases, corpusCases } from './answers.ts'
import { cut, type Heard, readByLane, readByUndici } from './readers.ts'

t.setTimeout(240_000)

/** Random answers; each is read by both, and by the lane once for every place where the network may cut it. */
const RUNS = 3000

const startsWith = (long: Buffer, short: Buffer): boolean => long.subarray(0, short.length).equals(short)

/** Why the two disagree, or null. The lane may refuse what undici takes, never take what undici refuses. */
function disagreement(lane: Heard, undici: Heard): string | null {
  if (lane.whole && !undici.whole) return 'the lane takes what undici refuses'
  if (lane.status !== null && undici.status === null) return 'the lane takes a head that undici refuses'
  if (lane.status !== null && lane.status !== undici.status) return 'another status'
  if (lane.headers !== null && !isSame(lane.headers, undici.headers)) return 'other headers'
  if (lane.whole && !lane.body.equals(undici.body)) return 'another body'
  if (!startsWith(undici.body, lane.body) && !startsWith(lane.body, undici.body)) return 'other bytes'
  return null
}

function isSame(left: unknown, right: unknown): boolean {
  return JSON.stringify(toPlain(left)) === JSON.stringify(toPlain(right))
}

/** Sorted, and without the blanks behind a value, which are no part of it (RFC 9112 §5) and which undici keeps. */
function toPlain(headers: unknown): unknown {
  return Object.entries(headers as Record<string, string | string[]>)
    .map(([name, value]) => [name, [value].flat().map((text) => text.replace(/[\t ]+$/, ''))] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
}

function everyCut(bytes: Buffer): Buffer[][] {
  const places = Array.from({ length: Math.max(0, bytes.length - 1) }, (_, i) => i + 1)
  // Of a long answer the cuts around its start and its end tell all: the rest is one body.
  const telling = bytes.length > 2000 ? places.filter((at) => at < 200 || at > bytes.length - 200) : places
  const bytewise = bytes.length > 2000 ? [] : [cut(bytes, places)]
  return [[bytes], ...bytewise, ...telling.map((at) => cut(bytes, [at]))]
}

async function check(answer: Case, cuts: readonly number[]): Promise<Heard> {
  const [first, ...others] = everyCut(answer.bytes).map((pieces) => readByLane(answer, pieces))
  if (first === undefined) throw new Error('nothing was read')
  for (const other of others) {
    if (other.whole !== first.whole || other.status !== first.status)
      throw new Error('a cut makes a difference')
    if (!isSame(other.headers ?? {}, first.headers ?? {})) throw new Error('a cut makes other headers')
    if (first.whole && !other.body.equals(first.body)) throw new Error('a cut makes another body')
  }
  for (const pieces of [[answer.bytes], cut(answer.bytes, cuts)]) {
    const why = disagreement(first, await readByUndici(answer, pieces))
    if (why !== null)
      throw new Error(`${why}: ${answer.method} ${JSON.stringify(answer.bytes.toString('latin1'))}`)
  }
  return first
}

t.test('rule 49: the lane and undici agree on every answer by hand that the lane takes', async (t) => {
  let taken = 0
  for (const answer of corpusCases) {
    const { whole } = await check(answer, [1, answer.bytes.length >> 1, answer.bytes.length - 1])
    if (whole) taken += 1
  }
  t.ok(taken > 40, `${taken} of ${corpusCases.length} were taken`)
})

t.test('rule 49: they agree on random answers, wherever those are cut', async (t) => {
  let taken = 0
  const cuts = fc.array(fc.nat({ max: 400 }), { maxLength: 5 })
  await fc.assert(
    fc.asyncProperty(cases, cuts, async (answer, places) => {
      if ((await check(answer, places)).whole) taken += 1
    }),
    { numRuns: RUNS }
  )
  t.ok(taken > RUNS / 5, `${taken} of ${RUNS} were taken, so that there was something to agree on`)
})
