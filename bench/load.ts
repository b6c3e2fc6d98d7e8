import { fileURLToPath } from 'node:url'
import type { Running } from './contender.ts'
import type { Cores } from './cores.ts'
import { coreBusySeconds, cpuSeconds, processTree } from './cpu.ts'
import { run } from './process.ts'

const SCRIPT = fileURLToPath(new URL('wrk.lua', import.meta.url))

export interface Load {
  readonly path: string
  readonly connections: number
  readonly seconds: number
  /** A file of cookies to use instead of the contender's own, and how many to skip. */
  readonly cookies?: { readonly file: string; readonly offset: number }
}

/** One slice of one contender. These are absolute; the benchmark publishes ratios of them. */
export interface Sample {
  readonly requests: number
  readonly requestsPerSecond: number
  readonly cpuPerRequest: number
  /** Of a response, its head included. */
  readonly bytes: number
  readonly p50Us: number
  readonly p99Us: number
  readonly util: Util
}

/** Shares of the proxy's core during a slice. */
export interface Util {
  readonly proxy: number
  readonly others: number
}

interface Counted {
  readonly requests: number
  readonly bytes: number
  readonly seconds: number
  readonly p50Us: number
  readonly p99Us: number
  readonly refused: number
  readonly broken: number
}

/** Loads a contender with wrk; throws if any response was not 2xx or a connection broke. */
export async function measureLoad(contender: Running, load: Load, cores: Cores): Promise<Sample> {
  const meter = startMeter(contender, cores)
  const output = await run(
    {
      command: 'wrk',
      args: [
        '-t1',
        `-c${load.connections}`,
        `-d${load.seconds}s`,
        '-s',
        SCRIPT,
        `${contender.url}${load.path}`
      ],
      env: {
        BENCH_COOKIE: contender.cookie,
        ...(load.cookies && {
          BENCH_COOKIES: load.cookies.file,
          BENCH_OFFSET: String(load.cookies.offset)
        })
      },
      core: cores.load
    },
    (load.seconds + 20) * 1000
  )
  const counted = JSON.parse(/^BENCH (.*)$/m.exec(output)?.[1] ?? 'null') as Counted | null
  if (!counted) throw new Error(`wrk said nothing about ${contender.id}: ${output}`)
  if (counted.requests === 0 || counted.refused > 0 || counted.broken > 0) {
    throw new Error(`${contender.id} failed under load: ${JSON.stringify(counted)}`)
  }
  const { cpu, util } = meter(counted.seconds)
  return {
    requests: counted.requests,
    requestsPerSecond: counted.requests / counted.seconds,
    cpuPerRequest: cpu / counted.requests,
    bytes: counted.bytes / counted.requests,
    p50Us: counted.p50Us,
    p99Us: counted.p99Us,
    util
  }
}

/**
 * Starts counting. The returned function gives CPU seconds and shares: the proxy's share of the seconds in which it had
 * work, the others' share of the whole time, which includes the start and end of the client.
 */
export function startMeter(
  { pids }: Running,
  { proxy: core }: Cores
): (seconds: number) => { readonly cpu: number; readonly util: Util } {
  const tree = processTree(pids)
  const [startedAt, cpuBefore, coreBefore] = [performance.now(), cpuSeconds(tree), coreBusySeconds(core)]
  return (seconds) => {
    const cpu = cpuSeconds(tree) - cpuBefore
    const others = Math.max(0, coreBusySeconds(core) - coreBefore - cpu)
    const elapsed = (performance.now() - startedAt) / 1000
    return { cpu, util: { proxy: cpu / seconds, others: others / elapsed } }
  }
}
