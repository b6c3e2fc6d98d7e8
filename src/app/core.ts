import { type AccessRules, createLiveAccessRules } from '../apps/access.ts'
import { type Apps, createApps } from '../apps/apps.ts'
import { createLibraries, type Libraries } from '../apps/libraries.ts'
import type { Config } from '../config/config.ts'
import { isLoopback } from '../config/urls.ts'
import type { Audit } from '../observe/audit.ts'
import type { Logger } from '../observe/logger.ts'
import { createMetrics, type Metrics } from '../observe/metrics.ts'
import { createNotices, type Notices } from '../observe/notices.ts'
import { createPlexStatus, type PlexStatus } from '../observe/plex-status.ts'
import { createReadiness, type Readiness } from '../observe/readiness.ts'
import type { People } from '../people/people.ts'
import { type ConnectionRules, createProbe } from '../plex/connections.ts'
import { CONNECT_TIMEOUT_MS } from '../plex/dispatcher.ts'
import type { MediaServer } from '../plex/media-server.ts'
import type { PlexTv } from '../plex/plex-tv.ts'
import { createPresences, type Presences } from '../plex/presences.ts'
import type { UpstreamOptions } from '../plex/upstream.ts'
import { createKeyRing } from '../seal/key-ring.ts'
import { createSeal, type Seal } from '../seal/seal.ts'
import type { Recheck } from '../session/check/recheck.ts'
import {
  type CookieAttributes,
  type CookieNames,
  cookieAttributes,
  cookieNames,
  hostCookieAttributes,
  sealScope
} from '../session/cookie/cookie.ts'
import { createOldCookies, type FindOldCookies } from '../session/cookie/old-scopes.ts'
import { createSessions, type Sessions } from '../session/cookie/sessions.ts'
import type { SessionEnds } from '../session/end.ts'
import { createLiveSessions, type LiveSessions } from '../session/live/live-sessions.ts'
import { createRevocations, type Revocations } from '../session/live/revocation.ts'
import { createStreams, type Streams } from '../session/live/streams.ts'
import { createReturnToRule, type FindReturnTo } from '../session/sign-in/return-to.ts'
import { createServerChoice, type ServerChoice } from '../session/sign-in/server-choice.ts'
import { createSignIns, type SignIns } from '../session/sign-in/sign-ins.ts'
import type { SignOuts } from '../session/sign-outs.ts'
import { createStandings, type Standings } from '../session/standing.ts'
import { createPinClaims } from '../store/pin-claims.ts'
import type { State } from '../store/state.ts'
import { type Assertions, createAssertions } from '../tokens/assertion.ts'
import { createTokens, type Tokens } from '../tokens/tokens.ts'
import { createEnds } from './ends.ts'
import { followSettings } from './follow-settings.ts'
import { createMediaServers, type MediaServers } from './media-servers.ts'
import { createPeopleParts } from './people-parts.ts'
import { createPlexClients } from './plex-clients.ts'
import { createRechecks, type Rechecks } from './rechecks.ts'
import { createReload, type Reload } from './reload.ts'
import { createReport } from './sign-in-report.ts'
import { createStateParts } from './state-parts.ts'

/** The parts of one Usher, created once and shared by its two listeners. It knows nothing about serving HTTP. */
export interface Core {
  readonly config: Config
  readonly log: Logger
  readonly now: () => number
  readonly metrics: Metrics
  readonly audit: Audit
  /** Who is signed in, for themselves and for the owner. */
  readonly people: People
  readonly plexTv: PlexTv
  /** The deployment's media server; null if each session picks its own. */
  readonly mediaServer: MediaServer | null
  /** The media server of a session; null until one is chosen. */
  readonly mediaServerOf: MediaServers['of']
  /** Which addresses chosen servers may have. */
  readonly connectionRules: ConnectionRules
  /** Counts the connections to media servers. */
  readonly presences: Presences
  readonly names: CookieNames
  /** Of the session cookie. */
  readonly attributes: CookieAttributes
  /** Of the sign-in and device cookies. */
  readonly hostAttributes: CookieAttributes
  readonly findOldCookies: FindOldCookies
  readonly seal: Seal
  readonly revocations: Revocations
  /** What is in no cookie: kept in the process, in a file, or shared by several instances. */
  readonly state: State
  readonly live: LiveSessions
  readonly streams: Streams
  readonly recheck: Recheck
  readonly standings: Standings
  readonly sessionEnds: SessionEnds
  /** Who may open which app. */
  readonly accessRules: AccessRules
  readonly apps: Apps
  readonly reload: Reload
  readonly libraries: Libraries
  readonly signOuts: SignOuts
  readonly sessions: Sessions
  readonly signIns: SignIns
  /** Where a browser may go after a sign-in. */
  readonly findReturnTo: FindReturnTo
  readonly assertions: Assertions
  readonly tokens: Tokens
  readonly serverChoice: ServerChoice
  /** The deployment's machineIdentifier; asks the server if it is not known yet. Null without a server. */
  readonly machineId: () => Promise<string | null>
  readonly plexStatus: PlexStatus
  readonly notices: Notices
  /** Why USHER_PLEX_TOKEN does not serve; null while it does, or without one. */
  readonly ownerTokenTrouble: Rechecks['ownerTokenTrouble']
  readonly readiness: () => Promise<Readiness>
  /** Starts what runs by itself; the store is open by then. */
  start(): void
  /** Makes the instance unready. */
  drain(): void
  close(): Promise<void>
}

export interface CoreOptions {
  readonly config: Config
  readonly log: Logger
  readonly now?: () => number
  readonly processMetrics?: boolean
  /** How long a call to the shared store waits for its answer; default a second. */
  readonly storeTimeoutMs?: number
}

export function createCore({
  config: initial,
  log,
  now = Date.now,
  processMetrics = true,
  storeTimeoutMs
}: CoreOptions): Core {
  const onResult = (result: string) => metrics.reloads.inc({ result })
  const reload = createReload({ initial, log, onResult })
  const { config } = reload
  const revocations = createRevocations({ now, onRevoke: (revocation) => state.share(revocation) })
  const live = createLiveSessions()
  const metrics = createMetrics({ openStreams: () => streams.open, processMetrics })
  const plexStatus = createPlexStatus({
    onOutage: (reason) => audit.note('upstream.degraded', { service: 'plex.tv', reason }),
    now
  })
  let draining = false
  const onOutcome: UpstreamOptions['onOutcome'] = ({ service, outcome, seconds }) => {
    metrics.upstreamSeconds.observe({ upstream: service, outcome }, seconds)
    if (service === 'plex.tv') plexStatus.observe(outcome)
  }

  const plexClients = createPlexClients({ config, onOutcome, now })
  const { plexTv, timeoutMs } = plexClients
  // A plex.tv on loopback is a simulator, and so are the servers that it lists.
  const rules: ConnectionRules = {
    allowLoopback: isLoopback(new URL(config.plexUrl).hostname),
    allowPrivate: config.privateServers
  }
  const presences = createPresences()
  const mediaServers = createMediaServers({ config, presences, rules, onOutcome })
  const mediaServer = mediaServers.configured

  const names = cookieNames(config)
  const seal = createSeal(createKeyRing(config.sessionKeys), sealScope(config))
  const { state, audit } = createStateParts({
    config,
    log,
    metrics,
    revocations,
    seal,
    onUp: () => void people.enforceBlocks(),
    now,
    ...(storeTimeoutMs !== undefined && { storeTimeoutMs })
  })
  const parts = { config, log, audit, metrics, plexTv, mediaServer, live, revocations, state, seal, now }
  const { signOuts, sessionEnds } = createEnds(parts)
  const rechecks = createRechecks({ ...parts, sessionEnds, waitMs: timeoutMs })
  const { recheck } = rechecks
  const { people, register, blocks } = createPeopleParts({ ...parts, sessionEnds })
  const standings = createStandings({ recheck, revocations, now })
  const streams = createStreams({ revocations, standings, now })
  const sessions = createSessions({
    config,
    cookieName: names.session,
    seal,
    revocations,
    live,
    recheck,
    onUnseal(kid, result) {
      metrics.unseals.inc({ kid, result })
      if (result !== 'ok' && result !== 'expired') audit.note('cookie.refused', { kid, result })
    },
    now
  })

  async function machineId(): Promise<string | null> {
    if (mediaServer === null) return null
    return config.pms.machineId ?? (await mediaServer.verifyIdentity()).machineIdentifier
  }
  const probe = createProbe({ timeoutMs: CONNECT_TIMEOUT_MS, ca: config.pms.ca, onOutcome })

  const libraries = createLibraries({
    mediaServer,
    recheckMs: config.recheckMs,
    onFailure: (err) => log.warn({ err }, 'libraries could not be asked, those known before hold'),
    now
  })
  const assertions = createAssertions({ seal, revocations, now })
  const mediaServerOf = mediaServers.of
  const accessRules = createLiveAccessRules(config)
  const apps = createApps(config)
  const shared = { config, now, metrics, mediaServer, mediaServerOf, seal, live, recheck, sessions }
  const tokens = createTokens({ ...shared, revocations, standings, sessionEnds, assertions })
  reload.follow(followSettings({ seal, sessions, streams, state, blocks, tokens, accessRules, apps }))

  return {
    ...shared,
    log,
    audit,
    people,
    streams,
    standings,
    sessionEnds,
    signOuts,
    plexTv,
    connectionRules: rules,
    presences,
    names,
    attributes: cookieAttributes(config),
    hostAttributes: hostCookieAttributes(config),
    findOldCookies: createOldCookies(config, seal),
    revocations,
    accessRules,
    apps,
    reload,
    libraries,
    state,
    machineId,
    assertions,
    tokens,
    findReturnTo: createReturnToRule(config),
    signIns: createSignIns({
      ...shared,
      signOuts,
      plexTv,
      machineId,
      isBlocked: blocks.has,
      fits: sessions.fits,
      claims: createPinClaims(state, now),
      report: createReport(metrics, audit)
    }),
    serverChoice: createServerChoice({ config, plexTv, machineId, connect: { ...rules, probe }, now }),
    plexStatus,
    notices: createNotices(log),
    ownerTokenTrouble: rechecks.ownerTokenTrouble,
    readiness: createReadiness({
      mediaServer,
      plexStatus,
      sharedStoreUp: state.isSharedUp,
      ownerTokenUp: rechecks.isOwnerTokenUp,
      draining: () => draining,
      now
    }),
    start() {
      rechecks.start()
      register.start()
    },
    drain() {
      draining = true
    },
    async close() {
      rechecks.close()
      await register.close()
      streams.close()
      streams.abort()
      await signOuts.close()
      await Promise.all([plexClients.close(), mediaServers.close(), state.close()])
    }
  }
}
