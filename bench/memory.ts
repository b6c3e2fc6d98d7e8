import { setTimeout as sleep } from 'node:timers/promises'
import { type Contender, proveForwarding, type Running, type Surroundings } from './contender.ts'
import type { Cores } from './cores.ts'
import { processTree, residentMb } from './cpu.ts'
import { hold } from './holding.ts'
import { warm } from './measure.ts'
import { measurePart } from './part.ts'
import { PATHS } from './payload.ts'
import type { Budget } from './rounds.ts'

/** Resident megabytes. Growth is the peak above what was resident just before. */
export interface MemorySample {
  readonly idle: number
  readonly partGrowth: number
  readonly slowReadersGrowth: number
  readonly connectionsGrowth: number
  readonly withConnections: number
  /** How many of 200 event streams were open at once. */
  readonly streams: number
}

const CONNECTIONS = 1000
const SLOW_READERS = 10
const STREAMS = 200
const WARM_SECONDS = 1
const SECONDS_EACH = 15

/** The memory of each contender, one at a time. */
export async function measureMemories(
  contenders: readonly Contender[],
  surroundings: Surroundings,
  budget: Budget
): Promise<Record<string, MemorySample>> {
  const samples: Record<string, MemorySample> = {}
  for (const contender of contenders) {
    if (!budget.allows(SECONDS_EACH)) break
    samples[contender.id] = await measureMemory(contender, surroundings)
  }
  return samples
}

/** A fresh process for each measurement: memory once taken is not returned, and would hide the next growth. */
async function measureMemory(contender: Contender, surroundings: Surroundings): Promise<MemorySample> {
  const { cores } = surroundings
  const part = await fresh(contender, surroundings, (running) => measurePart(running, cores))
  const slow = await fresh(contender, surroundings, async (running) => {
    await holdAll(running, cores, 'slow', SLOW_READERS, PATHS.part)
  })
  const many = await fresh(contender, surroundings, async (running) => {
    await holdAll(running, cores, 'idle', CONNECTIONS, PATHS.small)
  })
  const streams = await fresh(contender, surroundings, (running) =>
    hold(running, cores, 'events', STREAMS, PATHS.events)
  )
  return {
    idle: many.idle,
    partGrowth: part.growth,
    slowReadersGrowth: slow.growth,
    connectionsGrowth: many.growth,
    withConnections: many.peak,
    streams: streams.result
  }
}

interface Peak<T> {
  readonly result: T
  readonly idle: number
  readonly growth: number
  readonly peak: number
}

/** Starts the contender, warms it, and watches its memory while the work is done. */
async function fresh<T>(
  contender: Contender,
  surroundings: Surroundings,
  work: (running: Running) => Promise<T>
): Promise<Peak<T>> {
  const running = await contender.start(surroundings)
  try {
    await proveForwarding(running, surroundings.upstream)
    const pids = processTree(running.pids)
    const idle = residentMb(pids)
    await warm(running, surroundings.cores, WARM_SECONDS)
    await sleep(200)
    return { idle, ...(await peakDuring(pids, () => work(running))) }
  } finally {
    await running.stop()
  }
}

async function peakDuring<T>(
  pids: readonly number[],
  work: () => Promise<T>
): Promise<Omit<Peak<T>, 'idle'>> {
  const before = residentMb(pids)
  let peak = before
  const timer = setInterval(() => {
    peak = Math.max(peak, residentMb(pids))
  }, 20)
  try {
    const result = await work()
    peak = Math.max(peak, residentMb(pids))
    return { result, growth: peak - before, peak }
  } finally {
    clearInterval(timer)
  }
}

async function holdAll(
  running: Running,
  cores: Cores,
  mode: 'idle' | 'slow',
  count: number,
  path: string
): Promise<void> {
  const answered = await hold(running, cores, mode, count, path)
  if (answered < count) throw new Error(`${running.id} answered ${answered} of ${count} connections`)
}
