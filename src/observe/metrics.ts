import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import { createTally, createTiming, type Tally, type Timing } from './tallies.ts'

export interface Metrics {
  readonly registry: Registry
  readonly requests: Tally<'listener' | 'route' | 'method' | 'status'>
  readonly requestSeconds: Timing<'listener' | 'route'>
  readonly signIns: Counter<'method' | 'result'>
  readonly sessionsEnded: Counter<'reason'>
  readonly unseals: Tally<'kid' | 'result'>
  readonly csrfRefusals: Counter<'reason'>
  readonly rateLimited: Counter<'limit'>
  readonly upstreamSeconds: Timing<'upstream' | 'outcome'>
  readonly storeSeconds: Timing<'operation' | 'outcome'>
  readonly refusals: Tally<'listener' | 'code'>
  readonly reloads: Counter<'result'>
  readonly delegatedTokens: Counter<'service' | 'type' | 'outcome'>
  readonly sharedStoreUp: Gauge
  readonly oidcRequests: Counter<'client' | 'step' | 'result'>
  readonly oidcLogouts: Counter<'client' | 'result'>
  /** What the provider knows at every scrape; without it both figures are 0. */
  observeOidc(read: () => { readonly waiting: number; readonly signIns: number }): void
  /** Requests to media servers that run and wait, by class of path. */
  observeMedia(read: ReadMedia): void
}

type ReadMedia = () => Readonly<Record<string, { readonly running: number; readonly waiting: number }>>

export interface MetricsOptions {
  /** Read at every scrape. */
  readonly openStreams: () => Readonly<Record<string, number>>
  /** Node's own metrics need a timer and an observer; tests turn them off. */
  readonly processMetrics?: boolean
}

/** Seconds: from a response out of memory to a media server that has to wake a disk. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/**
 * The metrics of docs/reference/metrics.md, in their own registry. Labels are route templates and closed lists,
 * never input.
 */
export function createMetrics({ openStreams, processMetrics = true }: MetricsOptions): Metrics {
  const registry = new Registry()
  const registers = [registry]
  if (processMetrics) collectDefaultMetrics({ register: registry })
  new Gauge({
    name: 'usher_open_streams',
    help: 'Streams open to browsers, by kind',
    labelNames: ['kind'],
    registers,
    collect() {
      for (const [kind, count] of Object.entries(openStreams())) this.set({ kind }, count)
    }
  })
  let readMedia: ReadMedia = () => ({})
  new Gauge({
    name: 'usher_media_server_requests',
    help: 'Requests to media servers, by class of path: those that run, and those that wait for a connection',
    labelNames: ['class', 'state'],
    registers,
    collect() {
      for (const [name, { running, waiting }] of Object.entries(readMedia())) {
        this.set({ class: name, state: 'running' }, running)
        this.set({ class: name, state: 'waiting' }, waiting)
      }
    }
  })
  let readOidc = () => ({ waiting: 0, signIns: 0 })
  new Gauge({
    name: 'usher_oidc_logouts_waiting',
    help: 'Sign-outs that are still to be delivered to apps',
    registers,
    collect() {
      this.set(readOidc().waiting)
    }
  })
  new Gauge({
    name: 'usher_oidc_signins',
    help: 'Sign-ins to apps that are watched, where this instance walks them',
    registers,
    collect() {
      this.set(readOidc().signIns)
    }
  })
  return {
    registry,
    requests: createTally({
      name: 'usher_http_requests_total',
      help: 'Responses, by listener, route template, method and status',
      labelNames: ['listener', 'route', 'method', 'status'],
      registry
    }),
    requestSeconds: createTiming({
      name: 'usher_http_request_duration_seconds',
      help: 'Seconds from the request to the end of its response',
      labelNames: ['listener', 'route'],
      buckets: SECONDS,
      registry
    }),
    signIns: new Counter({
      name: 'usher_signins_total',
      help: 'Sign-ins, by method and result (ok or the problem code)',
      labelNames: ['method', 'result'],
      registers
    }),
    sessionsEnded: new Counter({
      name: 'usher_sessions_ended_total',
      help: 'Sessions ended, by reason',
      labelNames: ['reason'],
      registers
    }),
    unseals: createTally({
      name: 'usher_session_unseals_total',
      help: 'Session cookies unsealed (cache misses), by key and result',
      labelNames: ['kid', 'result'],
      registry
    }),
    csrfRefusals: new Counter({
      name: 'usher_csrf_refusals_total',
      help: 'Requests refused as cross-site, by the field that showed it',
      labelNames: ['reason'],
      registers
    }),
    rateLimited: new Counter({
      name: 'usher_rate_limited_total',
      help: 'Requests refused by a limit',
      labelNames: ['limit'],
      registers
    }),
    upstreamSeconds: createTiming({
      name: 'usher_upstream_request_duration_seconds',
      help: 'Seconds until an upstream answered, by upstream and outcome',
      labelNames: ['upstream', 'outcome'],
      buckets: SECONDS,
      registry
    }),
    storeSeconds: createTiming({
      name: 'usher_store_request_duration_seconds',
      help: 'Seconds of calls to the store, by operation and outcome',
      labelNames: ['operation', 'outcome'],
      buckets: SECONDS,
      registry
    }),
    refusals: createTally({
      name: 'usher_refusals_total',
      help: 'Problems answered, by listener and code',
      labelNames: ['listener', 'code'],
      registry
    }),
    reloads: new Counter({
      name: 'usher_reloads_total',
      help: 'Reloads of the settings, by result',
      labelNames: ['result'],
      registers
    }),
    delegatedTokens: new Counter({
      name: 'usher_delegated_tokens_total',
      help: 'Token exchanges, by service, type and outcome',
      labelNames: ['service', 'type', 'outcome'],
      registers
    }),
    sharedStoreUp: new Gauge({
      name: 'usher_shared_store_up',
      help: '1 while the shared store answers, and when none is configured',
      registers
    }),
    oidcRequests: new Counter({
      name: 'usher_oidc_requests_total',
      help: 'What apps asked by OpenID Connect, by client, step and result',
      labelNames: ['client', 'step', 'result'],
      registers
    }),
    oidcLogouts: new Counter({
      name: 'usher_oidc_logouts_total',
      help: 'Sign-outs delivered to apps, by client and result',
      labelNames: ['client', 'result'],
      registers
    }),
    observeOidc(read) {
      readOidc = read
    },
    observeMedia(read) {
      readMedia = read
    }
  }
}
