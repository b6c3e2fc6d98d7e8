import type { SimAccount } from '../accounts.ts'
import type { Answer } from '../answer.ts'
import type { SimRequest } from '../request.ts'
import type { Handler } from '../router.ts'
import type { SimServer } from '../servers.ts'
import type { World } from '../world.ts'
import { pmsError } from './reply.ts'

const TRANSIENT_TTL_MS = 172_800_000

export interface PmsCaller {
  readonly role: 'admin' | 'shared'
  readonly account: SimAccount
  readonly token: string
}

export type PmsHandler = (request: SimRequest, caller: PmsCaller) => Answer | Promise<Answer>

/** Whom a token stands for on one media server (reference/plex.md#tokens and #media-server-rights). */
export interface Callers {
  identify(request: SimRequest): PmsCaller | null
  issueTransient(creator: PmsCaller): string
  /** Forgets transient tokens and which tokens plex.tv has confirmed. */
  restart(): void
  /** Any authenticated caller; others get the 401 page. */
  any(handler: PmsHandler): Handler
  /** The owner only; others get 403. */
  admin(handler: PmsHandler): Handler
}

export function createCallers(world: World, server: SimServer): Callers {
  const transients = new Map<string, { creator: PmsCaller; expiresAt: number }>()
  const confirmed = new Set<string>()
  const owner = (): SimAccount => world.accounts.get(server.owner)

  const lookUp = (token: string): PmsCaller | null => {
    const share = world.servers.findShare(token, server)
    if (share) return { role: 'shared', account: world.accounts.get(share.account), token }
    const jwt = token.startsWith('eyJ')
    const entry = world.tokens.find(token)
    if (!entry || entry.account.key !== server.owner || (jwt && !world.modes.jwtAtPms)) return null
    return { role: 'admin', account: entry.account, token }
  }
  const identify = (request: SimRequest): PmsCaller | null => {
    const token = tokenOf(world, request)
    if (!server.claimed) return { role: 'admin', account: owner(), token: token ?? '' }
    if (token === undefined) return null
    const transient = transients.get(token)
    if (transient) {
      return transient.expiresAt > world.clock.now() ? { ...transient.creator, token } : null
    }
    // A media server asks plex.tv about tokens that it has not seen. Without plex.tv only known ones work.
    if (!world.plexReachable() && !confirmed.has(token)) return null
    const caller = lookUp(token)
    if (caller) confirmed.add(token)
    return caller
  }
  const guard =
    (handler: PmsHandler, role: 'any' | 'admin'): Handler =>
    (request) => {
      const caller = identify(request)
      if (!caller) return pmsError(401, request)
      return role === 'admin' && caller.role !== 'admin' ? pmsError(403) : handler(request, caller)
    }
  return {
    identify,
    issueTransient: (creator) => {
      const token = world.secrets.mintTransient()
      transients.set(token, { creator, expiresAt: world.clock.now() + TRANSIENT_TTL_MS })
      return token
    },
    restart: () => {
      transients.clear()
      confirmed.clear()
    },
    any: (handler) => guard(handler, 'any'),
    admin: (handler) => guard(handler, 'admin')
  }
}

function tokenOf(world: World, request: SimRequest): string | undefined {
  const token = request.plex('Token')
  if (token !== undefined || !world.modes.parametersInCookie) return token
  return /(?:^|;\s*)x-plex-token=([^;]+)/i.exec(request.headers.cookie ?? '')?.[1]
}
