import { type Accounts, createAccounts } from './accounts.ts'
import { type Clock, createClock } from './clock.ts'
import { createFaults, type Faults } from './faults.ts'
import { createJwtAuthority, type JwtAuthority } from './jwt.ts'
import { createLimits, type Limits } from './limits.ts'
import { createModes, type Modes, PLEX_COOKIE_SECRET } from './modes.ts'
import { createPins, type Pins } from './pins.ts'
import { createRecorder, type Recorder } from './recorder.ts'
import { createSecrets, type Secrets } from './secrets.ts'
import { createServers, type Servers } from './servers.ts'
import { createTokens, type Tokens } from './tokens.ts'

/** The state of plex.tv and the media servers, in one place. */
export interface World {
  readonly clock: Clock
  readonly secrets: Secrets
  readonly accounts: Accounts
  readonly tokens: Tokens
  readonly pins: Pins
  readonly servers: Servers
  readonly limits: Limits
  readonly jwt: JwtAuthority
  readonly modes: Modes
  readonly faults: Faults
  readonly recorder: Recorder
  /** Libraries that an account does not see, as `account title`: shares need not be of all. */
  readonly hiddenLibraries: Set<string>
  /** The exact state of the test vectors: fixed secrets, two Home users, one friend, one film library. */
  readonly vectors: boolean
  /** Whether plex.tv can be reached, also by the media servers. */
  plexReachable(): boolean
}

export interface WorldOptions {
  readonly now: () => number
  readonly recordLimit: number
  readonly vectors: boolean
  readonly plexReachable: () => boolean
}

export function createWorld({ now, recordLimit, vectors, plexReachable }: WorldOptions): World {
  const clock = createClock(now)
  const secrets = createSecrets()
  secrets.keep(PLEX_COOKIE_SECRET)
  if (vectors) presetVectors(secrets)
  const accounts = createAccounts(secrets)
  const tokens = createTokens(secrets, clock.now)
  return {
    clock,
    secrets,
    accounts,
    tokens,
    pins: createPins(accounts, tokens, clock.now),
    servers: createServers(secrets),
    limits: createLimits(clock.now),
    jwt: createJwtAuthority(secrets, clock.now),
    modes: createModes(),
    faults: createFaults(),
    recorder: createRecorder(clock.now, recordLimit),
    hiddenLibraries: new Set(),
    vectors,
    plexReachable
  }
}

function presetVectors(secrets: Secrets): void {
  secrets.preset('usr', 'sim-usr-tok-00000001')
  secrets.preset('srv', 'sim-srv-tok-00000002')
  secrets.preset('kid', 'sim-kid-tok-00000003')
  secrets.preset('svc', 'sim-svc-secret')
}
