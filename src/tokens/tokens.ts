import type { Config } from '../config/config.ts'
import { createPolicy } from '../forward/policy.ts'
import type { ScopedAccess } from '../forward/scoped-access.ts'
import type { MediaServer } from '../plex/media-server.ts'
import type { Seal } from '../seal/seal.ts'
import type { Recheck } from '../session/check/recheck.ts'
import type { Sessions } from '../session/cookie/sessions.ts'
import type { SessionEnds } from '../session/end.ts'
import type { LiveSessions } from '../session/live/live-sessions.ts'
import type { Revocations } from '../session/live/revocation.ts'
import type { Session } from '../session/session.ts'
import type { Standings } from '../session/standing.ts'
import type { Assertions } from './assertion.ts'
import { createIntrospector, type Introspector } from './introspection.ts'
import { createOwner, type Owner } from './owner.ts'
import { createPlaybackTokens, type PlaybackTokens } from './playback.ts'
import { createScopedTokens, type ScopedRefusal, type ScopedTokens } from './scoped.ts'
import { createServiceTurns, type ServiceTurns } from './service-turns.ts'
import { createServices, type Services } from './services.ts'
import { createSubjects } from './subject.ts'
import { createTokenExchange, type TokenExchange } from './token-exchange.ts'
import { createTransients } from './transient.ts'

/** The services of an instance and everything about their tokens. */
export interface Tokens {
  readonly services: Services
  readonly owner: Owner
  readonly turns: ServiceTurns
  readonly exchange: TokenExchange
  readonly introspector: Introspector
  readonly scoped: ScopedTokens
  readonly playback: PlaybackTokens
  /** Whatever token came with a request below /pms. */
  open(text: string): ScopedAccess | ScopedRefusal
}

export interface TokensOptions {
  readonly config: Pick<Config, 'services' | 'plexToken' | 'publicUrl' | 'sessionMaxMs' | 'upstreamTimeoutMs'>
  readonly seal: Seal
  readonly revocations: Revocations
  readonly live: LiveSessions
  readonly recheck: Recheck
  readonly standings: Standings
  readonly sessionEnds: Pick<SessionEnds, 'end'>
  readonly sessions: Sessions
  readonly assertions: Assertions
  readonly mediaServer: MediaServer | null
  readonly mediaServerOf: (session: Session) => MediaServer | null
  readonly now: () => number
}

export function createTokens(options: TokensOptions): Tokens {
  const services = createServices(options.config.services)
  const owner = createOwner(options)
  const scoped = createScopedTokens({ ...options, services, owner })
  const subjects = createSubjects({ ...options, owner })
  const turns = createServiceTurns(options.config.upstreamTimeoutMs)
  const transients = createTransients({ ...options, turns })
  const policy = createPolicy({ ownerAdmin: false })
  const playback = createPlaybackTokens({ ...options, policy })

  return {
    services,
    owner,
    turns,
    scoped,
    playback,
    open: (text) => (playback.isOne(text) ? playback.open(text) : scoped.open(text)),
    exchange: createTokenExchange({ ...options, subjects, transients, scoped }),
    introspector: createIntrospector({ ...options, scoped })
  }
}
