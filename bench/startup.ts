import { fileURLToPath } from 'node:url'
import type { Cores } from './cores.ts'
import { freePort, type Launched, launch, waitFor } from './process.ts'
import type { Budget } from './rounds.ts'

const SECONDS_A_ROUND = 3

/** Starts something that answers `/healthz` at the given port. */
export type Start = (port: number) => Launched

/** Milliseconds from the start of each process to its first response, taken in turns. */
export async function measureStarts(
  rounds: number,
  starts: Readonly<Record<string, Start>>,
  budget: Budget
): Promise<Record<string, number[]>> {
  const samples: Record<string, number[]> = Object.fromEntries(Object.keys(starts).map((id) => [id, []]))
  // The first of each only fills the page cache.
  for (let round = -1; round < rounds && budget.allows(SECONDS_A_ROUND); round++) {
    for (const [id, start] of Object.entries(starts)) {
      const ms = await measureStart(start)
      if (round >= 0) samples[id]?.push(ms)
    }
  }
  return samples
}

async function measureStart(start: Start): Promise<number> {
  const port = await freePort()
  const startedAt = performance.now()
  const process_ = start(port)
  try {
    await waitFor(`http://127.0.0.1:${port}/healthz`)
    return performance.now() - startedAt
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
