import { createHash } from 'node:crypto'

/** A digest for keys and ids. Its input contains a random id, so it cannot be guessed. */
export function digest(...parts: readonly string[]): string {
  return createHash('sha256').update(parts.join('\0')).digest('base64url').slice(0, 32)
}

/**
 * Names are derived from what they stand for, not random: two instances, or six apps opened at once, then write the
 * same record twice instead of two that contradict each other.
 */
export const uidOf = (sessionId: string): string => digest('uid', sessionId)
export const sidOf = (uid: string, clientId: string): string => digest('sid', uid, clientId)
export const grantIdOf = (uid: string, clientId: string): string => digest('grant', uid, clientId)
/** The provider's session id, which is in no cookie. */
export const sessionIdOf = (uid: string): string => digest('session', uid)
