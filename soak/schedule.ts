import type { FaultEffect } from '../test/simulator/faults.ts'
import { createRandom } from './random.ts'

/** Something that goes wrong, for a while. */
export type Trouble =
  | { readonly kind: 'answer'; readonly service: 'plex' | 'pms'; readonly effect: FaultEffect }
  | { readonly kind: 'gone'; readonly service: 'plex' | 'pms' }
  | { readonly kind: 'redis killed' | 'redis frozen' }
  | { readonly kind: 'restart'; readonly instance: 'two' | 'house' }
  | { readonly kind: 'reload'; readonly instance: 'one' | 'two' | 'house' }
  | { readonly kind: 'clock'; readonly instance: 'two' | 'house'; readonly stepMs: number }
  | { readonly kind: 'disk full' }

export interface Entry {
  readonly atMs: number
  readonly lastsMs: number
  readonly trouble: Trouble
}

/** Without any trouble, so that what is slow or lost then is Usher's own fault. */
const QUIET_START_MS = 8000
const EFFECTS: readonly FaultEffect[] = [
  { kind: 'reset' },
  { kind: 'unavailable' },
  { kind: 'server-error' },
  { kind: 'garbage' },
  { kind: 'truncate' },
  { kind: 'half-reset' },
  { kind: 'stall' },
  { kind: 'hang' },
  { kind: 'latency', ms: 2500 },
  { kind: 'drip', bytes: 64, ms: 5 }
]

/** What goes wrong and when: one thing at a time, with a pause after each. The same seed gives the same schedule. */
export function planTroubles(seed: number, minutes: number): readonly Entry[] {
  const random = createRandom(seed)
  const entries: Entry[] = []
  const endMs = minutes * 60_000
  let atMs = QUIET_START_MS
  for (;;) {
    const trouble = pickTrouble(random)
    const lastsMs = lastsOf(trouble, random)
    // The last fifth of a short run, and the last minute of a long one, is quiet again.
    if (atMs + lastsMs > endMs - Math.min(60_000, endMs / 5)) return entries
    entries.push({ atMs, lastsMs, trouble })
    atMs += lastsMs + random.between(6000, 12_000)
  }
}

function pickTrouble(random: ReturnType<typeof createRandom>): Trouble {
  const kind = random.between(1, 16)
  if (kind <= 4) return { kind: 'answer', service: 'plex', effect: effectOf('plex', random) }
  if (kind <= 7) return { kind: 'answer', service: 'pms', effect: effectOf('pms', random) }
  if (kind === 8) return { kind: 'gone', service: random.pick(['plex', 'pms']) }
  if (kind === 9) return { kind: 'redis killed' }
  if (kind === 10) return { kind: 'redis frozen' }
  if (kind <= 12) return { kind: 'restart', instance: random.pick(['two', 'house']) }
  if (kind === 13) return { kind: 'reload', instance: random.pick(['one', 'two', 'house']) }
  if (kind <= 15)
    return {
      kind: 'clock',
      instance: random.pick(['two', 'house']),
      stepMs: random.pick([-1, 1]) * random.between(5, 40) * 1000
    }
  return { kind: 'disk full' }
}

function effectOf(service: 'plex' | 'pms', random: ReturnType<typeof createRandom>): FaultEffect {
  // plex.tv alone counts requests and says "too many".
  return random.pick(service === 'plex' ? [...EFFECTS, { kind: 'rate-limited' } as const] : EFFECTS)
}

function lastsOf(trouble: Trouble, random: ReturnType<typeof createRandom>): number {
  if (trouble.kind === 'restart' || trouble.kind === 'reload') return 0
  return random.between(3, 12) * 1000
}

export function nameOf(trouble: Trouble): string {
  switch (trouble.kind) {
    case 'answer':
      return `${toName(trouble.service)}: ${trouble.effect.kind}`
    case 'gone':
      return `${toName(trouble.service)}: port closed`
    case 'restart':
      return 'SIGTERM and a new start'
    case 'reload':
      return 'SIGHUP'
    case 'clock':
      return 'clock stepped'
    default:
      return trouble.kind
  }
}

const toName = (service: 'plex' | 'pms') => (service === 'plex' ? 'plex.tv' : 'media server')
