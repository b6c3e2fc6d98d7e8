import { createHash } from 'node:crypto'

/** A digest for keys and ids: what it was made of cannot be found again, for it holds a random id. */
export function digest(...parts: readonly string[]): string {
  return createHash('sha256').update(parts.join('\0')).digest('base64url').slice(0, 32)
}

/**
 * Names are made of what they stand for, not drawn: two instances, or six apps that are opened at once, then write the
 * same thing twice instead of two things that contradict each other.
 */
export const uidOf = (sessionId: string): string => digest('uid', sessionId)
export const sidOf = (uid: string, clientId: string): string => digest('sid', uid, clientId)
export const grantIdOf = (uid: string, clientId: string): string => digest('grant', uid, clientId)
/** The provider's own session id, which is in no cookie. */
export const sessionIdOf = (uid: string): string => digest('session', uid)
