import { readdirSync, readFileSync } from 'node:fs'

const PAGE_BYTES = 4096
const TICKS_PER_SECOND = 100 // USER_HZ, the unit of /proc/stat on every Linux

/** The processes themselves and everything below them, by the parent named in `/proc/<pid>/stat`. */
export function processTree(roots: readonly number[]): number[] {
  const children = new Map<number, number[]>()
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    const parent = parentOf(readOrEmpty(`/proc/${entry}/stat`))
    if (parent !== null) children.set(parent, [...(children.get(parent) ?? []), Number(entry)])
  }
  const tree = [...roots]
  // The array grows while it is iterated, so grandchildren are included.
  for (const pid of tree) tree.push(...(children.get(pid) ?? []))
  return tree
}

/** The command is in brackets and may contain anything, so fields are counted from the last bracket. */
export function parentOf(stat: string): number | null {
  const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
  return stat !== '' && Number.isInteger(parent) ? parent : null
}

/**
 * CPU seconds (user and system) of the processes. `schedstat` counts nanoseconds; `stat` counts hundredths of a second,
 * which is a tenth of what nginx needs for 200 MB.
 */
export function cpuSeconds(pids: readonly number[]): number {
  let nanoseconds = 0
  for (const pid of pids) {
    for (const thread of listOrEmpty(`/proc/${pid}/task`)) {
      nanoseconds += Number(readOrEmpty(`/proc/${pid}/task/${thread}/schedstat`).split(' ')[0])
    }
  }
  return nanoseconds / 1e9
}

/** Resident megabytes of the processes; shared pages count once for each process. */
export function residentMb(pids: readonly number[]): number {
  let pages = 0
  for (const pid of pids) pages += Number(readOrEmpty(`/proc/${pid}/statm`).split(' ')[1] ?? 0)
  return (pages * PAGE_BYTES) / 1e6
}

/** Seconds that a core spent on processes, or that the hypervisor withheld. */
export function coreBusySeconds(core: number): number {
  return busySeconds(readFileSync('/proc/stat', 'utf8'), core)
}

/** The same from the text of `/proc/stat`: user, nice, system and steal. Interrupts belong to no process. */
export function busySeconds(procStat: string, core: number): number {
  const line = procStat.split('\n').find((text) => text.startsWith(`cpu${core} `)) ?? ''
  const [user = 0, nice = 0, system = 0, , , , , steal = 0] = line.split(/\s+/).slice(1).map(Number)
  return (user + nice + system + steal) / TICKS_PER_SECOND
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // The process ended between the listing and the reading.
    return ''
  }
}

function listOrEmpty(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    // As above.
    return []
  }
}
