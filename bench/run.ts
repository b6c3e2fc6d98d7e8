import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startSimulator } from '../test/simulator/simulator.ts'
import type { Running } from './contender.ts'
import { type Cores, pickCores, pinSelf } from './cores.ts'
import { writeDocuments, writeResults } from './documents.ts'
import { describeMachine, missingPrograms } from './environment.ts'
import { type Fairness, measureFairness } from './fairness.ts'
import * as measure from './measure.ts'
import { measureMemories } from './memory.ts'
import { type Options, readOptions } from './options.ts'
import { writePayload } from './payload.ts'
import { installPeers } from './peers.ts'
import { isInstalled } from './process.ts'
import { contenderTable, fairnessTable, memoryTable, targetTable, toText } from './report.ts'
import type { Results } from './results.ts'
import { createBudget } from './rounds.ts'
import { FULL, QUICK } from './schedule.ts'
import { writeCookies } from './sessions.ts'
import { contendersOf, startContenders } from './setup.ts'
import { bareFastify, measureStarts } from './startup.ts'
import { TARGETS, verdictOf } from './targets.ts'
import { startUpstream } from './upstream.ts'
import {
  bringingContender,
  buildUsher,
  launchUsher,
  openIdSettings,
  type UsherOptions,
  usherContender,
  usherOptions
} from './usher.ts'

process.exitCode = await bench(readOptions(process.argv.slice(2)))

/** The whole benchmark. Returns the exit code: 1 if a gate is missed, 2 if nothing could be measured. */
async function bench(options: Options): Promise<number> {
  const notes = missingPrograms()
  const allowed = /^Cpus_allowed_list:\s*(.*)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? ''
  const cores = pickCores(allowed)
  if (!cores) console.log('two cores are needed: one for the proxy, one for the load')
  if (notes.length > 0) console.log(notes.join('\n'))
  if (!cores || !isInstalled('wrk') || !isInstalled('taskset')) return 2
  const { only } = options
  if (only.join() !== 'fairness') installPeers()
  buildUsher()
  pinSelf(cores.load)
  const directory = mkdtempSync(join(tmpdir(), 'usher-bench-'))
  try {
    if (only.join() === 'fairness') {
      const fairness = await measureFairnessAlone(directory, cores, options)
      console.log(`\n${toText(fairnessTable({ fairness }))}`)
      return 0
    }
    const results = await measureIn(directory, cores, options, notes)
    report(results, options)
    return TARGETS.some((target) => target.gate && verdictOf(target, target.outcome(results)) === 'fail')
      ? 1
      : 0
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function openUpstream(directory: string, cores: Cores, { machineIdentifier }: UsherOptions) {
  return startUpstream({ payload: writePayload(directory), directory, core: cores.load, machineIdentifier })
}

async function measureIn(
  directory: string,
  cores: Cores,
  { quick, minUtil, only }: Options,
  notes: readonly string[]
): Promise<Results> {
  const schedule = quick ? QUICK : FULL
  const budget = createBudget(schedule.budgetMs)
  const simulator = await startSimulator()
  const usher = usherOptions(simulator.plexUrl)
  const running: Running[] = []
  const upstream = await openUpstream(directory, cores, usher)
  try {
    const surroundings = { cores, upstream: upstream.url, directory }
    const starters = {
      usher: (port: number) => launchUsher(port, usher, surroundings),
      'usher-openid': (port: number) => launchUsher(port, usher, surroundings, openIdSettings()),
      fastify: bareFastify(cores)
    }
    const starts = await measureStarts(schedule.starts, starters, budget)
    const contenders = contendersOf(usher, only)
    const memory = await measureMemories(
      contenders.filter(({ id }) => schedule.memory.includes(id)),
      surroundings,
      budget
    )
    const contender = contenders.find(({ id }) => id === 'usher')
    const fairness = contender
      ? await measureFairness({
          contender,
          bringing: bringingContender(usher),
          usher,
          surroundings,
          budget,
          ...schedule.fairness
        })
      : {}
    await startContenders(contenders, surroundings, running)
    for (const contender of running) await measure.warm(contender, cores, schedule.warmSeconds)
    const measuring = { cores, schedule, budget, running }
    const small = await measure.measureSmall(measuring)
    const large = await measure.measureLarge(measuring)
    const texts = await measure.measureTexts(measuring)
    const part = await measure.measureParts(measuring)
    const single = await measure.measureSingle(measuring)
    const own = running.find(({ id }) => id === 'usher')
    const sessions = own
      ? await measure.measureSessions(measuring, own, await writeCookies(directory, own, usher, upstream.url))
      : {}
    return {
      command: `npm run bench${quick ? ' -- --quick' : ''}`,
      date: new Date().toISOString(),
      machine: describeMachine(),
      minUtil,
      notes: budget.ranOut ? [...notes, 'time ran out before every round was measured'] : notes,
      labels: Object.fromEntries(contenders.map(({ id, label }) => [id, label])),
      small,
      large,
      single,
      texts,
      part,
      memory,
      sessions,
      fairness,
      starts
    }
  } finally {
    await Promise.all([...running, upstream].map(({ stop }) => stop()))
    await simulator.close()
  }
}

/** `--only fairness`: what one account can do to others, without any peers. */
async function measureFairnessAlone(
  directory: string,
  cores: Cores,
  { quick }: Options
): Promise<Partial<Fairness>> {
  const schedule = quick ? QUICK : FULL
  const simulator = await startSimulator()
  const usher = usherOptions(simulator.plexUrl)
  const upstream = await openUpstream(directory, cores, usher)
  try {
    return await measureFairness({
      contender: usherContender('usher', 'Usher', usher),
      bringing: bringingContender(usher),
      usher,
      surroundings: { cores, upstream: upstream.url, directory },
      budget: createBudget(schedule.budgetMs),
      ...schedule.fairness
    })
  } finally {
    await upstream.stop()
    await simulator.close()
  }
}

function report(results: Results, { quick, only }: Options): void {
  if (results.notes.length > 0) console.log(`\n${results.notes.join('\n')}`)
  for (const table of [
    contenderTable(results),
    memoryTable(results),
    fairnessTable(results),
    targetTable(results)
  ]) {
    console.log(`\n${toText(table)}`)
  }
  writeResults(results)
  // A short or partial run is no basis for the published page.
  if (!quick && only.length === 0) writeDocuments(results)
}
