/** The connections to one server, from the first until none is left; the next one begins a new presence. */
export interface Presence {
  readonly open: number
}

/**
 * Counts the connections to each server, whichever client opened them. A proof of identity holds as long as the presence
 * (SECURITY rule 77): once nothing is connected, another machine may be at the address.
 */
export interface Presences {
  opened(origin: string): void
  closed(origin: string): void
  /** Null while nothing is connected. */
  of(origin: string): Presence | null
}

export function createPresences(): Presences {
  const presences = new Map<string, { open: number }>()
  return {
    opened(origin) {
      const presence = presences.get(origin)
      if (presence === undefined) presences.set(origin, { open: 1 })
      else presence.open += 1
    },
    closed(origin) {
      const presence = presences.get(origin)
      if (presence === undefined) return
      presence.open -= 1
      if (presence.open === 0) presences.delete(origin)
    },
    of: (origin) => presences.get(origin) ?? null
  }
}
