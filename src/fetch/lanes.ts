import type { Lane } from './lane.ts'

/** With more lanes than this, unused ones are dropped. */
const MANY = 64

/** One lane per server, created on first use and dropped when its connections have closed. */
export function createLanes(create: (origin: string) => Lane): Omit<Lane, 'isIdle'> {
  const lanes = new Map<string, Lane>()

  function laneTo(origin: string): Lane {
    const known = lanes.get(origin)
    if (known !== undefined) return known
    if (lanes.size >= MANY) {
      for (const [other, lane] of lanes) if (lane.isIdle()) lanes.delete(other)
    }
    const lane = create(origin)
    lanes.set(origin, lane)
    return lane
  }

  return {
    dispatch: (request, handler) => laneTo(request.origin).dispatch(request, handler),
    async destroy() {
      await Promise.all([...lanes.values()].map((lane) => lane.destroy()))
    }
  }
}
