import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Dispatcher } from 'undici'
import type { AccessRules } from '../apps/access.ts'
import type { Libraries } from '../apps/libraries.ts'
import type { Config } from '../config/config.ts'
import type { Audit } from '../observe/audit.ts'
import type { Logger } from '../observe/logger.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Seal } from '../seal/seal.ts'
import type { Recheck } from '../session/check/recheck.ts'
import type { LiveSessions } from '../session/live/live-sessions.ts'
import type { Revocation, Revocations } from '../session/live/revocation.ts'
import type { Session } from '../session/session.ts'
import type { Standings } from '../session/standing.ts'
import type { Store } from '../store/store.ts'
import { createBackChannel } from './back-channel.ts'
import { createClients } from './clients.ts'
import { createConfiguration } from './configuration.ts'
import { createInteractions, type Interactions } from './interactions.ts'
import { loadLibrary } from './library.ts'
import { createLogoutQueue } from './logout-queue.ts'
import type { Pages } from './pages.ts'
import { createPeople } from './people.ts'
import { observeProvider } from './provider-events.ts'
import { installSeams } from './seams.ts'
import { createSignIns } from './sign-ins.ts'
import { createSignOutFlow } from './sign-out-flow.ts'
import { createUnavailable } from './unavailable.ts'
import type { Visit, Visits } from './visit.ts'
import { createWatch } from './watch.ts'

/** Usher as an OpenID provider, used by its routes. */
export interface OpenId {
  /** Lets the library answer: it owns request and response from here on. */
  answer(request: IncomingMessage, response: ServerResponse, visit: Visit): Promise<void>
  readonly interactions: Interactions
  /** The apps that a session has entered, by id. */
  entered(session: Session): Promise<readonly string[]>
  /** The person continues with another session; call it before the first one ends. */
  move(before: Session, after: Session): Promise<void>
  /** Starts watching sign-ins and telling apps when they end. */
  start(): void
  close(): Promise<void>
}

export interface OpenIdOptions {
  readonly config: Pick<
    Config,
    'publicUrl' | 'plexUrl' | 'oidc' | 'instance' | 'sessionMaxMs' | 'recheckMs' | 'pms'
  >
  readonly store: Store
  readonly seal: Seal
  readonly live: LiveSessions
  readonly recheck: Pick<Recheck, 'touch'>
  readonly standings: Pick<Standings, 'of' | 'ask'>
  readonly revocations: Revocations
  readonly libraries: Libraries
  readonly rules: AccessRules
  readonly metrics: Metrics
  readonly log: Logger
  readonly audit: Audit
  /** For sign-outs to apps. */
  readonly dispatcher: Dispatcher
  readonly visits: Visits
  readonly pages: Pages
  /** Names this instance where several share work; it outlives a reload. */
  readonly holder: string
  readonly now: () => number
}

/** Throws the library's objections to clients and keys. */
export async function createOpenId(options: OpenIdOptions): Promise<OpenId> {
  const {
    config,
    store,
    seal,
    live,
    standings,
    revocations,
    libraries,
    rules,
    metrics,
    log,
    audit,
    visits,
    pages,
    now
  } = options
  const library = await loadLibrary()
  const unavailable = createUnavailable(library)
  const clients = createClients(config)
  const signIns = createSignIns({
    store,
    seal,
    isTold: (clientId) => (clients.get(clientId)?.backchannelLogoutUri ?? null) !== null,
    onQueued: () => queue.poke(),
    now
  })
  const people = createPeople({
    signIns,
    live,
    revocations,
    libraries,
    rules,
    standings,
    hasServer: config.pms.url !== null,
    now
  })
  const signOutFlow = createSignOutFlow({ signIns, visits, pages, unavailable })
  const provider = new library.Provider(
    config.publicUrl.href,
    createConfiguration({
      library,
      config,
      clients,
      store,
      signIns,
      people,
      rules,
      visits,
      pages,
      unavailable,
      fetch: createBackChannel(clients, options.dispatcher),
      logOut: signOutFlow.logOut,
      now
    })
  )
  // The library builds addresses from headers that the routes set from USHER_PUBLIC_URL, never from a client's.
  provider.proxy = true
  provider.silent = true
  const send = installSeams({
    provider,
    clients,
    signIns,
    visits,
    async formOf(uid) {
      const state = await store.get({ kind: 'session', key: uid })
      return state === null ? null : (JSON.parse(state) as object)
    },
    unavailable
  })
  // The type is Koa's, whose context lacks the library's members.
  provider.use(signOutFlow.middleware as unknown as Parameters<typeof provider.use>[0])
  observeProvider({ provider, clients, visits, metrics, log, audit })
  const callback = provider.callback()

  const queue = createLogoutQueue({
    store,
    send,
    onResult({ clientId, sub, attempts }, result, reason) {
      metrics.oidcLogouts.inc({ client: clientId, result })
      const fields = { client: clientId, accountId: Number(sub), attempts, reason }
      if (result === 'failed') log.info(fields, 'app not told yet, to be tried again')
      else audit.note(result === 'told' ? 'app.told' : 'app.told/not', { ...fields, outcome: result })
    },
    now
  })
  const watch = createWatch({ ...options, signIns, people, clients, recheckMs: config.recheckMs })
  metrics.observeOidc(() => ({ waiting: queue.waiting, signIns: watch.signIns }))

  async function endSession(sessionId: string): Promise<void> {
    const record = await signIns.ofSession(sessionId)
    if (record !== null) await signIns.end(record.uid)
  }

  async function onRevoked(revocation: Revocation): Promise<void> {
    if (revocation.kind === 'session') await endSession(revocation.id)
    if (revocation.kind !== 'account') return
    const records = await signIns.ofAccount(revocation.accountId)
    for (const { uid, signedInAt } of records) if (signedInAt <= revocation.before) await signIns.end(uid)
  }
  // If the store is away, the watch finds it later.
  const unlisten = revocations.listen((revocation) => void onRevoked(revocation).catch(() => undefined))

  return {
    async answer(request, response, visit) {
      visits.set(request, visit)
      await callback(request, response)
      // The session may have ended while the code was issued, before this app could be found.
      const session = visit.read?.live.session
      if (session !== undefined && revocations.isRevoked(session)) await endSession(session.id)
    },
    interactions: createInteractions({ store, config, now }),
    async entered(session) {
      const record = await signIns.ofSession(session.id)
      return record === null ? [] : (await signIns.authorizations(record.uid)).map(({ clientId }) => clientId)
    },
    async move(before, after) {
      // If the store is away, apps are told that the sign-in ended, and sign in again on their own.
      if (before.account.id === after.account.id) await signIns.move(before.id, after).catch(() => undefined)
    },
    start() {
      queue.start()
      watch.start()
    },
    async close() {
      unlisten()
      await watch.close()
      await queue.close()
    }
  }
}
