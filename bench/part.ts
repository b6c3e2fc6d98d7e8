import { fileURLToPath } from 'node:url'
import type { Running } from './contender.ts'
import type { Cores } from './cores.ts'
import { startMeter, type Util } from './load.ts'
import { PART_BYTES, PATHS } from './payload.ts'
import { run } from './process.ts'

export interface PartSample {
  readonly bytesPerSecond: number
  readonly cpuPerGb: number
  readonly util: Util
}

const CLIENT = fileURLToPath(new URL('download.ts', import.meta.url))

/** Fetches the whole file over one connection; throws if a byte is missing. */
export async function measurePart(contender: Running, cores: Cores): Promise<PartSample> {
  const meter = startMeter(contender, cores)
  const output = await run(
    {
      command: process.execPath,
      args: [CLIENT],
      env: { TARGET: `${contender.url}${PATHS.part}`, COOKIE: contender.cookie },
      core: cores.load
    },
    30_000
  )
  const { bytes, seconds } = JSON.parse(output) as { bytes: number; seconds: number }
  if (bytes !== PART_BYTES) throw new Error(`${contender.id} gave ${bytes} bytes of the part`)
  const { cpu, util } = meter(seconds)
  return { bytesPerSecond: bytes / seconds, cpuPerGb: cpu / (bytes / 1e9), util }
}
