import { setTimeout as delay } from 'node:timers/promises'
import type { AccountKey } from '../test/simulator/accounts.ts'
import { until } from '../test/support/until.ts'
import type { Book } from './book.ts'
import type { Instance } from './instance.ts'
import { growthOf } from './memory.ts'
import type { Options } from './options.ts'
import { createPerson, type Person } from './person.ts'
import type { Place } from './place.ts'
import { createRandom } from './random.ts'
import { planTroubles } from './schedule.ts'
import { createWeather } from './weather.ts'

export interface SoakOptions {
  readonly options: Options
  readonly place: Place
  readonly book: Book
  readonly signal: AbortSignal
}

const ACCOUNTS: readonly AccountKey[] = [
  'owner',
  'friend',
  'member',
  'twoFactor',
  'emailOnly',
  'sso',
  'unicode'
]
/** Retries of sign-outs wait for a minute and more after a long outage. */
const QUEUES_MS = 120_000

/** Lets people and troubles loose, and looks for what must not be. */
export async function soak({ options, place, book, signal }: SoakOptions): Promise<void> {
  const { minutes, seed } = options
  const weather = createWeather(place, book)
  const end = AbortSignal.any([signal, AbortSignal.timeout(minutes * 60_000)])
  const people = Array.from({ length: options.people }, (_, number): Person => {
    const deployment = place.deployments[number % 3 === 2 ? 1 : 0]
    const account = ACCOUNTS[number % ACCOUNTS.length]
    if (deployment === undefined || account === undefined) throw new RangeError('nobody')
    const random = createRandom(seed * 1000 + number)
    return createPerson({ number: number + 1, account, deployment, place, weather, book, random })
  })
  const measuring = measure(place, book, end, minutes)
  await Promise.all([
    ...people.map((person) => person.live(end)),
    weather.play(planTroubles(seed, minutes), end)
  ])
  await measuring
  await until(() => weather.isCalm(performance.now()), 'all is well again', QUEUES_MS)
  await finish(place, book, people)
}

async function measure(place: Place, book: Book, end: AbortSignal, minutes: number): Promise<void> {
  // Some sixty samples, and no more than one in two seconds.
  const everyMs = Math.max(2000, minutes * 1000)
  while (!end.aborted) {
    await delay(everyMs, undefined, { signal: end }).catch(() => undefined)
    for (const instance of allOf(place)) {
      const memory = await instance.memory()
      if (memory !== null) book.sample(instance.name, memory)
    }
    book.lookForTokens()
  }
}

/** Nobody has lost a session, and what was queued gets done. */
async function finish(place: Place, book: Book, people: readonly Person[]): Promise<void> {
  await Promise.all(people.map((person) => person.leave()))
  await expectSoon(book, 'an app that was not told', async () => {
    const told = new Set(place.deployments.flatMap((each) => [...each.told]))
    return people.flatMap(({ ended }) => ended).filter((sid) => !told.has(sid)).length
  })
  for (const instance of allOf(place)) {
    await expectSoon(book, `sign-outs that wait at ${instance.name}`, () =>
      figure(instance, 'usher_oidc_logouts_waiting')
    )
    await expectSoon(book, `streams open at ${instance.name}`, () => figure(instance, 'usher_open_streams'))
  }
  const owner = 'usher-soak-owner'
  // Where plex.tv made a token and its response broke off, nobody learned it.
  const alive = () =>
    place.simulator.tokens
      .living()
      .filter(({ clientIdentifier, isDelivered }) => isDelivered && clientIdentifier !== owner)
  // Named, because a single one among thousands of sign-ins cannot be traced otherwise.
  const named = () => JSON.stringify(alive().map(({ token: _, ...rest }) => rest))
  await expectSoon(book, 'tokens alive at plex.tv', async () => alive().length, named)
  for (const instance of allOf(place)) {
    const growth = growthOf(instance.name, book.samples)
    // The others were started anew in between.
    if (instance.name === 'one' && growth?.isFlat === false)
      book.violation('memory that grows', `${instance.name}: ${growth.before} to ${growth.after} bytes`)
  }
  for (const instance of allOf(place)) await instance.stop()
  book.lookForTokens()
}

/** Waits until a count is 0; what is left then is a violation. */
async function expectSoon(
  book: Book,
  what: string,
  count: () => Promise<number>,
  named = () => ''
): Promise<void> {
  try {
    await until(async () => (await count()) === 0, what, QUEUES_MS)
  } catch {
    book.violation('a queue that is not empty at the end', `${what}: ${await count()} ${named()}`)
  }
}

/** The sum of a metric's series. */
async function figure(instance: Instance, name: string): Promise<number> {
  const text = await instance.operations('/metrics')
  const lines = text.split('\n').filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}

function allOf(place: Place): readonly Instance[] {
  return place.deployments.flatMap(({ instances }) => instances)
}
