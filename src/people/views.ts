import { isRole, type Role } from '../domain/roles.ts'
import type { SignInMethod } from '../domain/sign-in-methods.ts'
import type { StreamKind } from '../domain/streams.ts'
import type { Block } from './blocks.ts'
import type { DeviceDescription } from './device.ts'
import type { SessionRecord } from './session-record.ts'

export interface ListedSession {
  readonly handle: string
  /** Whether it is the one that asks. */
  readonly current: boolean
  readonly account: { readonly id: number; readonly username: string; readonly title: string }
  readonly device: DeviceDescription
  readonly network: string
  readonly method: SignInMethod
  readonly signedInAt: string
  readonly lastSeenAt: string
  readonly apps: { readonly id: string; readonly name: string }[]
  readonly streams: {
    readonly kind: StreamKind
    readonly title: string | null
    readonly since: string
  }[]
}

export interface SessionList {
  readonly sessions: ListedSession[]
  /** False where sessions from before a start, or beyond the bound, may be missing. */
  readonly complete: boolean
}

export interface AccountView {
  readonly id: number
  readonly username: string
  readonly title: string
  readonly role: Role
  readonly blocked: boolean
  readonly sessions: number
  readonly lastSeenAt: string | null
}

interface SessionViewOptions {
  readonly current: string | null
  readonly appNames: ReadonlyMap<string, string>
  /** The title of a stream's item, where it is known. */
  readonly titleOf: (item: string) => string | null
}

/** The one that asks first, then the latest seen. */
export function toSessionViews(
  records: readonly SessionRecord[],
  { current, appNames, titleOf }: SessionViewOptions
): ListedSession[] {
  const first = (record: SessionRecord) => (record.id === current ? 1 : 0)
  return [...records]
    .sort((one, other) => first(other) - first(one) || other.lastSeenAt - one.lastSeenAt)
    .map((record) => ({
      handle: record.handle,
      current: record.id === current,
      account: record.account,
      device: record.device,
      network: record.network,
      method: record.method,
      signedInAt: toTime(record.signedInAt),
      lastSeenAt: toTime(record.lastSeenAt),
      // An app that the configuration no longer has is shown by its id.
      apps: record.apps.map((id) => ({ id, name: appNames.get(id) ?? id })),
      streams: record.streams.map(({ kind, title, item = null, since }) => ({
        kind,
        title: title ?? (item === null ? null : titleOf(item)),
        since: toTime(since)
      }))
    }))
}

/** One for each account that is signed in or blocked. */
export function toAccountViews(records: readonly SessionRecord[], blocks: readonly Block[]): AccountView[] {
  const accounts = new Map<number, AccountView>()
  for (const { accountId, username, title } of blocks) {
    accounts.set(accountId, {
      id: accountId,
      username,
      title,
      role: 'none',
      blocked: true,
      sessions: 0,
      lastSeenAt: null
    })
  }
  for (const { account, role, lastSeenAt } of records) {
    const known = accounts.get(account.id)
    const seenAt = toTime(lastSeenAt)
    accounts.set(account.id, {
      ...account,
      role: isRole(role) ? role : 'none',
      blocked: known?.blocked ?? false,
      sessions: (known?.sessions ?? 0) + 1,
      lastSeenAt: known?.lastSeenAt != null && known.lastSeenAt > seenAt ? known.lastSeenAt : seenAt
    })
  }
  return [...accounts.values()].sort((one, other) =>
    (other.lastSeenAt ?? '').localeCompare(one.lastSeenAt ?? '')
  )
}

function toTime(at: number): string {
  return new Date(at).toISOString()
}
