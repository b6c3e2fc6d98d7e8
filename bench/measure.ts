import type { Running } from './contender.ts'
import type { Cores } from './cores.ts'
import { type Load, measureLoad, type Sample } from './load.ts'
import { measurePart, type PartSample } from './part.ts'
import { PATHS } from './payload.ts'
import { type Budget, measureRounds, type Samples } from './rounds.ts'
import type { Schedule, Slice } from './schedule.ts'
import type { CookieFiles } from './sessions.ts'

export interface Measuring {
  readonly cores: Cores
  readonly schedule: Schedule
  readonly budget: Budget
  readonly running: readonly Running[]
}

const CONNECTIONS = 32
/** Measured with long texts only. */
export const COMPRESSING = ['usher-compressing', 'nginx-gzip']
/** Measured with 1 KB only: each differs from another contender by one setting. */
export const VARIANTS = ['bare-logged', 'usher-quiet', 'express-closing']

/** Warms a contender up, so that no slice pays for compilation. */
export async function warm(contender: Running, cores: Cores, seconds: number): Promise<void> {
  await measureLoad(contender, { path: PATHS.small, connections: CONNECTIONS, seconds }, cores)
}

/** 1 KB, all contenders. */
export function measureSmall(measuring: Measuring): Promise<Samples<Sample>> {
  const items = measuring.running.filter(({ id }) => !COMPRESSING.includes(id))
  return slices(measuring, items, PATHS.small, CONNECTIONS, measuring.schedule.small)
}

/** 64 KB. */
export function measureLarge(measuring: Measuring): Promise<Samples<Sample>> {
  return slices(measuring, mainOf(measuring.running), PATHS.large, CONNECTIONS, measuring.schedule.large)
}

/** 1 KB on one connection: the latency of a request without load. */
export function measureSingle(measuring: Measuring): Promise<Samples<Sample>> {
  return slices(measuring, mainOf(measuring.running), PATHS.small, 1, measuring.schedule.single)
}

/** Documents of a big library, by their name in the results. */
export const TEXTS = { json1: PATHS.json1, xml1: PATHS.xml1, json20: PATHS.list, xml20: PATHS.xml20 } as const
export type Text = keyof typeof TEXTS
const READERS = 4

/** 1 MB and 20 MB of JSON and of XML, for a few readers at once. */
export async function measureTexts(measuring: Measuring): Promise<Partial<Record<Text, Samples<Sample>>>> {
  const { running, schedule } = measuring
  const items = running.filter(({ id }) => schedule.readers.includes(id))
  const samples: Partial<Record<Text, Samples<Sample>>> = {}
  for (const [text, path] of Object.entries(TEXTS)) {
    samples[text as Text] = await slices(measuring, items, path, READERS, schedule.texts)
  }
  return samples
}

/** The 200 MB part. */
export function measureParts({ running, cores, schedule, budget }: Measuring): Promise<Samples<PartSample>> {
  return measureRounds({
    items: mainOf(running),
    rounds: schedule.partRounds,
    seconds: 1.5,
    budget,
    measure: (contender) => measurePart(contender, cores)
  })
}

/**
 * Usher with sessions that are in its cache, and with a new session for every request. Both read cookies from a file
 * with the same generator, so that the load is equal; each slice of the second continues in its file.
 */
export async function measureSessions(
  measuring: Measuring,
  usher: Running,
  files: CookieFiles
): Promise<Samples<Sample>> {
  let offset = 0
  const { cores, schedule, budget } = measuring
  const { rounds, seconds } = schedule.misses
  const load: Load = { path: PATHS.small, connections: CONNECTIONS, seconds }
  const known: Load = { ...load, cookies: { file: files.known, offset: 0 } }
  await measureLoad(usher, known, cores)
  return measureRounds({
    items: [{ id: 'usher-hits' }, { id: 'usher-misses' }],
    rounds,
    seconds: seconds + 0.2,
    budget,
    async measure({ id }) {
      if (id === 'usher-hits') return measureLoad(usher, known, cores)
      const sample = await measureLoad(usher, { ...load, cookies: { file: files.fresh, offset } }, cores)
      offset += sample.requests
      return sample
    }
  })
}

function slices(
  { cores, budget }: Measuring,
  items: readonly Running[],
  path: string,
  connections: number,
  { rounds, seconds }: Slice
): Promise<Samples<Sample>> {
  return measureRounds({
    items,
    rounds,
    seconds: seconds + 0.2,
    budget,
    measure: (contender) => measureLoad(contender, { path, connections, seconds }, cores)
  })
}

function mainOf(running: readonly Running[]): Running[] {
  return running.filter(({ id }) => !VARIANTS.includes(id) && !COMPRESSING.includes(id))
}
