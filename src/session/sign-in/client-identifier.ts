import { randomUUID } from 'node:crypto'

/** A client identifier of its own for a browser: plex.tv keeps one token per account and identifier. */
export function createClientIdentifier(): string {
  return randomUUID()
}
