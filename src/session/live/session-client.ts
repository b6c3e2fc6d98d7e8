import type { IncomingMessage } from 'node:http'

/** The browser behind a session. */
export interface SessionClient {
  readonly userAgent: string
  readonly address: string
}

/** Browsers say some 150 characters; the header may have 32 KB, and a session keeps what it is given. */
const USER_AGENT_MAX_CHARS = 512

/** The browser that sent a request, from that address. */
export function clientOf({ headers }: Pick<IncomingMessage, 'headers'>, address: string): SessionClient {
  const userAgent = headers['user-agent'] ?? ''
  if (userAgent.length <= USER_AGENT_MAX_CHARS) return { userAgent, address }
  // Copied: a slice of a string keeps all of it in memory.
  const start = Buffer.from(userAgent.slice(0, USER_AGENT_MAX_CHARS), 'latin1')
  return { userAgent: start.toString('latin1'), address }
}
