import { createHash } from 'node:crypto'
import type { SignInMethod } from '../domain/sign-in-methods.ts'
import type { StreamKind } from '../domain/streams.ts'
import type { NewRecord } from '../store/store.ts'
import type { DeviceDescription } from './device.ts'

export interface StreamNote {
  readonly kind: StreamKind
  readonly title: string | null
  /** By which the title can be looked up. */
  readonly item?: string | null
  readonly since: number
}

/** What is known of a session beside its cookie: whose it is, and where it is used. */
export interface SessionRecord {
  readonly handle: string
  readonly id: string
  readonly account: { readonly id: number; readonly username: string; readonly title: string }
  readonly openerId: number
  readonly role: string
  readonly device: DeviceDescription
  readonly network: string
  readonly method: SignInMethod
  readonly signedInAt: number
  /** To the minute. */
  readonly lastSeenAt: number
  readonly expiresAt: number
  readonly idleExpiresAt: number
  /** Ids of the apps that it entered. */
  readonly apps: readonly string[]
  readonly streams: readonly StreamNote[]
  /** Which instance wrote it last. */
  readonly instance: string
  /** The session, as its cookie has it, so that its tokens can be signed out. */
  readonly session: unknown
}

/** A name for a session that says nothing of its id. */
export function handleOf(sessionId: string): string {
  return createHash('sha256').update(`usher handle ${sessionId}`).digest('base64url').slice(0, 22)
}

export function toNewRecord(record: SessionRecord, value: string): NewRecord {
  const { handle, account, openerId, lastSeenAt, expiresAt, idleExpiresAt } = record
  const tags = new Set([`account ${account.id}`, `opener ${openerId}`])
  return {
    kind: 'person',
    key: handle,
    value,
    expiresAt: Math.min(expiresAt, idleExpiresAt),
    // The newest first.
    at: -lastSeenAt,
    tags: [...tags]
  }
}
