import { createLruMap } from '../domain/lru-map.ts'
import type { Logger } from './logger.ts'

/**
 * Every line that is an audit event: the event's stable name (what stands before the slash), its level and message in the
 * log, and the fields that it may have.
 */
export const AUDIT_LINES = {
  'session.started': {
    level: 'info',
    message: 'signed in',
    fields: ['address', 'accountId', 'method']
  },
  'session.ended': { level: 'info', message: 'session ended', fields: ['accountId', 'reason'] },
  'sign_in.refused': {
    level: 'info',
    message: 'sign-in failed',
    fields: ['address', 'accountId', 'method', 'code']
  },
  'sign_in.refused/access': {
    level: 'info',
    message: 'access refused',
    fields: ['address', 'accountId', 'app', 'reason']
  },
  'sign_in.refused/app': {
    level: 'info',
    message: 'app refused',
    fields: ['client', 'accountId', 'code', 'reason']
  },
  'csrf.refused': {
    level: 'info',
    message: 'cross-site request refused',
    fields: ['address', 'reason']
  },
  'cookie.refused': { level: 'info', message: 'session cookie refused', fields: ['kid', 'result'] },
  'token.delegated': {
    level: 'info',
    message: 'delegated token',
    fields: ['service', 'type', 'scope', 'accountId', 'machineIdentifier', 'outcome']
  },
  'token.delegated/source': {
    level: 'info',
    message: 'source told',
    fields: ['service', 'source', 'outcome']
  },
  'token.delegated/revoked': {
    level: 'info',
    message: 'token revoked',
    fields: ['service', 'kind', 'accountId', 'outcome']
  },
  'service.refused': {
    level: 'warn',
    message: 'service authentication failed',
    fields: ['address', 'service']
  },
  'limit.reached': {
    level: 'info',
    message: 'rate limited',
    fields: ['address', 'accountId', 'limit']
  },
  'app.entered': { level: 'info', message: 'app sign-in', fields: ['client', 'accountId'] },
  'app.told': {
    level: 'info',
    message: 'app told to sign out',
    fields: ['client', 'accountId', 'attempts', 'outcome', 'reason']
  },
  'app.told/not': {
    level: 'warn',
    message: 'app could not be told',
    fields: ['client', 'accountId', 'attempts', 'outcome', 'reason']
  },
  'account.blocked': {
    level: 'info',
    message: 'account blocked, or let in again',
    fields: ['accountId', 'blocked', 'by']
  },
  'upstream.degraded': {
    level: 'warn',
    message: 'something that Usher relies on does not serve',
    fields: ['service', 'reason', 'setting']
  },
  'upstream.degraded/redis': {
    level: 'warn',
    message: 'shared store away, serving from what is known here',
    fields: ['service', 'reason']
  },
  'upstream.degraded/state': {
    level: 'error',
    message: 'the state cannot be written, app sign-ins are refused',
    fields: ['service', 'reason']
  },
  'upstream.degraded/list': {
    level: 'warn',
    message: 'the list of people is doubted, those missing are asked one by one',
    fields: ['service', 'reason', 'known', 'missing']
  }
} as const

export type AuditLine = keyof typeof AUDIT_LINES
export type AuditEvent = Exclude<AuditLine, `${string}/${string}`>
type Field<L extends AuditLine> = (typeof AUDIT_LINES)[L]['fields'][number]
export type AuditFields<L extends AuditLine> = Readonly<
  Partial<Record<Field<L>, string | number | boolean | null | undefined>>
>

/** One event as it is kept: its time, its name and its fields. */
export type KeptEvent = { readonly at: string; readonly event: AuditEvent } & Readonly<
  Record<string, string | number | boolean | null>
>

/** The one place that makes audit events: for the log, and for the owner's page. */
export interface Audit {
  note<L extends AuditLine>(line: L, fields: AuditFields<L>, reqId?: string): void
}

export interface AuditOptions {
  readonly log: Logger
  /** Keeps an event; must not throw. */
  readonly keep: (event: KeptEvent) => void
  readonly now: () => number
}

/**
 * Anybody can cause these at will, or one account, one service or a Redis that comes and goes. Of a flood the log has all, and what is kept is a
 * sample: of each line, and of each account or service that it names.
 */
const SAMPLED: readonly AuditEvent[] = [
  'sign_in.refused',
  'csrf.refused',
  'cookie.refused',
  'service.refused',
  'limit.reached',
  'app.entered',
  'token.delegated',
  'upstream.degraded'
]
/** Kept at once; then one in each minute, so that a day of a flood leaves room for what came before it. */
const BURST = 20
const REFILL_MS = 60_000
const MAX_SAMPLES = 1000

export function createAudit({ log, keep, now }: AuditOptions): Audit {
  const samples = createLruMap<string, { readonly left: number; readonly at: number }>(MAX_SAMPLES)

  function mayKeep(line: AuditLine, whose: string, time: number): boolean {
    if (!SAMPLED.includes(eventOf(line))) return true
    const key = `${line} ${whose}`
    const before = samples.get(key) ?? { left: BURST, at: time }
    const left = Math.min(BURST, before.left + Math.abs(time - before.at) / REFILL_MS)
    samples.set(key, { left: left < 1 ? left : left - 1, at: time })
    return left >= 1
  }

  return {
    note(line, fields, reqId) {
      const { level, message, fields: names } = AUDIT_LINES[line]
      const event = eventOf(line)
      const given = fields as Readonly<Record<string, string | number | boolean | null | undefined>>
      const known: Record<string, string | number | boolean | null> = {}
      for (const name of names) {
        const value = given[name]
        if (value !== undefined) known[name] = value
      }
      log[level]({ event, ...(reqId !== undefined && { reqId }), ...known }, message)
      const time = now()
      const whose = String(known['service'] ?? known['accountId'] ?? '')
      if (mayKeep(line, whose, time)) keep({ at: new Date(time).toISOString(), event, ...known })
    }
  }
}

export function eventOf(line: AuditLine): AuditEvent {
  return line.replace(/\/.*$/, '') as AuditEvent
}
