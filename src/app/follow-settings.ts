import type { LiveAccessRules } from '../apps/access.ts'
import type { Apps } from '../apps/apps.ts'
import type { Blocks } from '../people/blocks.ts'
import { createKeyRing } from '../seal/key-ring.ts'
import type { Seal } from '../seal/seal.ts'
import type { Sessions } from '../session/cookie/sessions.ts'
import type { Streams } from '../session/live/streams.ts'
import type { State } from '../store/state.ts'
import type { Tokens } from '../tokens/tokens.ts'
import type { Follow } from './reload.ts'

export interface FollowingParts {
  readonly seal: Seal
  readonly sessions: Pick<Sessions, 'forget'>
  readonly streams: Pick<Streams, 'endWhere'>
  readonly state: Pick<State, 'reseal'>
  readonly blocks: Pick<Blocks, 'all'>
  readonly tokens: Pick<Tokens, 'services' | 'scoped' | 'playback'>
  readonly accessRules: LiveAccessRules
  readonly apps: Apps
}

/** What was made from keys, services, apps and groups is replaced, and what was remembered of them is forgotten. */
export function followSettings(parts: FollowingParts): Follow {
  const { seal, sessions, streams, state, blocks, tokens, accessRules, apps } = parts
  return (next) => {
    const ring = createKeyRing(next.sessionKeys)
    return () => {
      seal.rekey(ring)
      sessions.forget()
      tokens.scoped.forget()
      tokens.playback.forget()
      // A session ends with the key of its cookie, and so do its streams.
      streams.endWhere(({ kid }) => kid !== null && !seal.holds(kid))
      state.reseal()
      // If the store is away, they are sealed again when the list is next read.
      void blocks.all().catch(() => undefined)
      tokens.services.replace(next.services)
      accessRules.replace(next)
      apps.replace(next.apps)
    }
  }
}
