import { spawnSync } from 'node:child_process'

/** Where things run: the proxy alone on one core, the load and the upstream together on another. */
export interface Cores {
  readonly proxy: number
  readonly load: number
}

/** Two cores out of a `Cpus_allowed_list` such as `0-3,8`; null when there is only one. */
export function pickCores(allowed: string): Cores | null {
  const [proxy, load] = allowed
    .trim()
    .split(',')
    .flatMap((range) => {
      const [first = 0, last = first] = range.split('-').map(Number)
      return Array.from({ length: last - first + 1 }, (_, i) => first + i)
    })
  return proxy === undefined || load === undefined ? null : { proxy, load }
}

/** The command, wrapped so that it and all its threads and children stay on one core. */
export function pinned(core: number, command: string, args: readonly string[]): [string, string[]] {
  return ['taskset', ['-c', String(core), command, ...args]]
}

/** Keeps this process and its threads on one core, out of the proxy's way. */
export function pinSelf(core: number): void {
  const { status } = spawnSync('taskset', ['-a', '-p', '-c', String(core), String(process.pid)])
  if (status !== 0) throw new Error(`cannot stay on core ${core}`)
}
