import type { Core } from '../app/core.ts'
import { Problem, type ProblemCode } from '../domain/problems.ts'
import type { ServerRole } from '../domain/roles.ts'
import type { StreamEnd, StreamKind } from '../domain/streams.ts'
import { IdentityFields } from '../fetch/identity-fields.ts'
import { identityHeaders, toHeaderText } from '../plex/identity.ts'
import type { MediaServer } from '../plex/media-server.ts'
import type { ServerIdentity } from '../plex/server-identity.ts'
import { createScrubbers, type Grammar, type Scrubber } from '../scrub/scrubber.ts'
import type { LiveSession } from '../session/live/live-sessions.ts'
import type { Session } from '../session/session.ts'
import type { Standing } from '../session/standing.ts'
import type { ForwardPrincipal } from './forward-call.ts'
import { createLoads, type Load, type Loads } from './loads.ts'
import type { PlaybackBinding } from './scoped-access.ts'

/** A session as the media server sees it; made once per session state and shared by its requests. */
export interface PmsPrincipal extends ForwardPrincipal {
  readonly role: ServerRole
  readonly mediaServer: MediaServer
  readonly machineIdentifier: string
  readonly origin: string
  /** Path below which the media server lives, '' for most. */
  readonly basePath: string
}

const KEPT: unique symbol = Symbol('principal')

/** What was opened keeps its principal itself: a WeakMap would hold each for a collection longer, and copy it. */
interface Access {
  readonly live: LiveSession
  /** Of a scoped token: the service that it was issued to. */
  readonly serviceId?: string
  /** Of a token for playback. */
  readonly playback?: Pick<PlaybackBinding, 'listedWith'>
  [KEPT]?: { readonly session: Session; readonly principal: PmsPrincipal | null }
}

export interface Principals {
  /**
   * The principal of an unsealed cookie or token; null if the session has no server, or no token for it.
   */
  of(access: Access): PmsPrincipal | null
  readonly loads: Pick<Loads, 'totals'>
}

type PrincipalsCore = Pick<Core, 'config' | 'standings' | 'streams' | 'mediaServerOf'>

const CLIENT_IDENTIFIER = 'X-Plex-Client-Identifier'
/** After a 401 plex.tv is not asked again so soon: it would be asked for every request of a page. */
const EXPLAIN_EVERY_MS = 5000
/** What a 401 of the media server means, by what plex.tv says. While it cannot be asked, the session is kept. */
const EXPLANATIONS: Readonly<Record<Standing | 'unknown', ProblemCode>> = {
  good: 'USHER_SERVER_ACCESS_DENIED',
  denied: 'USHER_SERVER_ACCESS_DENIED',
  unproven: 'USHER_UPSTREAM_UNREACHABLE',
  'past-grace': 'USHER_UPSTREAM_UNREACHABLE',
  unknown: 'USHER_UPSTREAM_UNREACHABLE',
  ended: 'USHER_SESSION_REVOKED'
}

/** Everything about a session that forwarding needs, laid out once so that a request only takes it. */
export function createPrincipals(core: PrincipalsCore, now: () => number): Principals {
  const shared: Shared = {
    core,
    now,
    identity: new IdentityFields(fixedFields(core.config.client)),
    bases: new WeakMap(),
    loads: createLoads()
  }
  return {
    loads: shared.loads,
    of(access) {
      const { live } = access
      const { session } = live
      const kept = access[KEPT]
      // Session data are immutable: a new role, token or server is another object.
      if (kept?.session === session) return kept.principal
      const principal = create(shared, access)
      access[KEPT] = { session, principal }
      return principal
    }
  }
}

/** What all principals share. */
interface Shared {
  readonly core: PrincipalsCore
  readonly now: () => number
  readonly identity: IdentityFields
  readonly bases: WeakMap<MediaServer, Base>
  readonly loads: Loads
}

type Base = Pick<PmsPrincipal, 'origin' | 'basePath'>

/** A class, against the house rule: one for every session of an instance, and closures would be most of it. */
class SessionPrincipal implements PmsPrincipal {
  readonly role: PmsPrincipal['role']
  readonly mediaServer: MediaServer
  readonly machineIdentifier: string
  readonly base: Base
  readonly identity: IdentityFields
  private readonly shared: Shared
  private readonly live: LiveSession
  private readonly session: Session
  private readonly serviceId: string | null
  private readonly playback: Access['playback']
  private kept: Load
  /** What the server last proved to be, and whether that is the server meant. */
  private proven: ServerIdentity | null = null
  private scrubbers: ((grammar: Grammar) => Scrubber) | null = null

  constructor(
    shared: Shared,
    { live, serviceId, playback }: Access,
    server: Pick<PmsPrincipal, 'role' | 'mediaServer' | 'machineIdentifier'> & { readonly token: string }
  ) {
    this.shared = shared
    this.live = live
    this.session = live.session
    this.serviceId = serviceId ?? null
    this.playback = playback
    this.kept = shared.loads.of(live.session.account.id, this.serviceId)
    this.role = server.role
    this.mediaServer = server.mediaServer
    this.machineIdentifier = server.machineIdentifier
    this.base = baseOf(shared, server.mediaServer)
    this.identity = new IdentityFields(
      [CLIENT_IDENTIFIER, toHeaderText(live.session.clientIdentifier), 'X-Plex-Token', server.token],
      shared.identity
    )
  }

  get origin(): string {
    return this.base.origin
  }

  get basePath(): string {
    return this.base.basePath
  }

  get load(): Load {
    if (!this.kept.isKept) this.kept = this.shared.loads.of(this.session.account.id, this.serviceId)
    return this.kept
  }

  isProven(): boolean {
    const proven = this.mediaServer.verifiedIdentity()
    // One object for each proof: the same one needs no comparing again.
    if (proven !== null && proven !== this.proven && proven.machineIdentifier === this.machineIdentifier)
      this.proven = proven
    return proven !== null && proven === this.proven
  }

  prove(): Promise<unknown> {
    return this.mediaServer.verifyIdentity(this.machineIdentifier)
  }

  createScrubber(grammar: Grammar): Scrubber {
    this.scrubbers ??= createScrubbers(secretsOf(this.session))
    return this.scrubbers(grammar)
  }

  hasEnded(): boolean {
    return this.shared.core.standings.hasEnded(this.live.session)
  }

  addStream(kind: StreamKind, abort: (why: StreamEnd) => void, path?: string): () => void {
    return this.shared.core.streams.add(this.live, kind, abort, path, this.playback?.listedWith())
  }

  async explainUnauthorized(): Promise<Problem> {
    const { live, shared } = this
    const { standings } = shared.core
    const isFresh = shared.now() - live.session.checkedAt <= EXPLAIN_EVERY_MS
    const standing = isFresh ? standings.of(live) : await standings.ask(live)
    return new Problem(EXPLANATIONS[standing], { upstream: { service: 'pms', status: 401, code: null } })
  }
}

function create(shared: Shared, access: Access): PmsPrincipal | null {
  const { session } = access.live
  const { role, server, serverToken } = session
  const mediaServer = shared.core.mediaServerOf(session)
  if (role === 'none' || server === null || serverToken === null || mediaServer === null) return null
  const { machineIdentifier } = server
  return new SessionPrincipal(shared, access, { role, mediaServer, machineIdentifier, token: serverToken })
}

/** What must not appear in a response. */
function secretsOf({ serverToken, accountToken, homeAdmin }: Session): string[] {
  return [serverToken, accountToken, homeAdmin?.token].filter((token) => typeof token === 'string')
}

function baseOf({ bases }: Shared, mediaServer: MediaServer): Base {
  let base = bases.get(mediaServer)
  if (base === undefined) {
    const { origin, pathname } = new URL(mediaServer.url)
    base = { origin, basePath: pathname.replace(/\/+$/, '') }
    bases.set(mediaServer, base)
  }
  return base
}

/** `Accept` is the caller's choice here: a client that asks for XML gets XML. */
function fixedFields(client: Core['config']['client']): string[] {
  const { Accept: _, [CLIENT_IDENTIFIER]: __, ...headers } = identityHeaders(client, '')
  return Object.entries(headers).flat()
}
