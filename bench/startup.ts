import { fileURLToPath } from 'node:url'
import { freePort } from '../test/support/ports.ts'
import type { Cores } from './cores.ts'
import { residentMb } from './cpu.ts'
import { type Launched, launch, waitFor } from './process.ts'
import type { Budget } from './rounds.ts'

const SECONDS_A_ROUND = 3

/** Starts something that answers `/healthz` at the given port. */
export type Start = (port: number) => Launched

export interface StartSample {
  /** From the start of the process to its first response. */
  readonly ms: number
  /** Resident megabytes then. */
  readonly mb: number
}

/** Starts each in turn. */
export async function measureStarts(
  rounds: number,
  starts: Readonly<Record<string, Start>>,
  budget: Budget
): Promise<Record<string, StartSample[]>> {
  const samples: Record<string, StartSample[]> = Object.fromEntries(Object.keys(starts).map((id) => [id, []]))
  // The first of each only fills the page cache.
  for (let round = -1; round < rounds && budget.allows(SECONDS_A_ROUND); round++) {
    for (const [id, start] of Object.entries(starts)) {
      const sample = await measureStart(start)
      if (round >= 0) samples[id]?.push(sample)
    }
  }
  return samples
}

async function measureStart(start: Start): Promise<StartSample> {
  const port = await freePort()
  const startedAt = performance.now()
  const process_ = start(port)
  try {
    await waitFor(`http://127.0.0.1:${port}/healthz`)
    return { ms: performance.now() - startedAt, mb: residentMb([process_.pid]) }
  } finally {
    await process_.stop()
  }
}

/** Fastify with one route: the least that a service on Fastify does before it answers. */
export function bareFastify(cores: Cores): Start {
  return (port) =>
    launch({
      command: process.execPath,
      args: [fileURLToPath(new URL('peers/hello.js', import.meta.url))],
      env: { NODE_ENV: 'production', PORT: String(port) },
      core: cores.proxy
    })
}
