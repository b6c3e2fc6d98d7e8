import type { Logger } from './logger.ts'

/** Every audit event: its stable name, its level and message in the log, and the fields that it may have. */
export const AUDIT_EVENTS = {
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
    fields: ['client', 'accountId', 'attempts', 'reason']
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
  }
} as const

export type AuditEvent = keyof typeof AUDIT_EVENTS
type Field<E extends AuditEvent> = (typeof AUDIT_EVENTS)[E]['fields'][number]
export type AuditFields<E extends AuditEvent> = Readonly<
  Partial<Record<Field<E>, string | number | boolean | null | undefined>>
>

/** One event as it is kept: its time, its name and its fields. */
export type KeptEvent = { readonly at: string; readonly event: AuditEvent } & Readonly<
  Record<string, string | number | boolean | null>
>

/** The one place that makes audit events: for the log, and for the owner's page. */
export interface Audit {
  note<E extends AuditEvent>(event: E, fields: AuditFields<E>, reqId?: string): void
}

export interface AuditOptions {
  readonly log: Logger
  /** Keeps an event; must not throw. */
  readonly keep: (event: KeptEvent) => void
  readonly now: () => number
}

/** Anybody can cause these: of a flood the log has all, and what is kept is a sample. */
const FROM_ANYBODY: readonly AuditEvent[] = [
  'sign_in.refused',
  'csrf.refused',
  'cookie.refused',
  'service.refused',
  'limit.reached'
]
const KEPT_A_MINUTE = 60

export function createAudit({ log, keep, now }: AuditOptions): Audit {
  let minute = 0
  let kept = 0

  function mayKeep(event: AuditEvent, time: number): boolean {
    if (!FROM_ANYBODY.includes(event)) return true
    const current = Math.floor(time / 60_000)
    if (current !== minute) {
      minute = current
      kept = 0
    }
    kept += 1
    return kept <= KEPT_A_MINUTE
  }

  return {
    note(event, fields, reqId) {
      const { level, message, fields: names } = AUDIT_EVENTS[event]
      const given = fields as Readonly<Record<string, string | number | boolean | null | undefined>>
      const known: Record<string, string | number | boolean | null> = {}
      for (const name of names) {
        const value = given[name]
        if (value !== undefined) known[name] = value
      }
      log[level]({ event, ...(reqId !== undefined && { reqId }), ...known }, message)
      const time = now()
      if (mayKeep(event, time)) keep({ at: new Date(time).toISOString(), event, ...known })
    }
  }
}
