import { Problem } from '../../domain/problems.ts'
import type { Credentials, PlexTv } from '../../plex/plex-tv.ts'
import type { Session } from '../session.ts'
import { type Attempt, accountOf, type ReportAttempt, toResult } from './attempt.ts'
import { freeIdentifier } from './device.ts'
import { createPasswordGate } from './password-gate.ts'
import { type StartSessionOptions, startSession } from './start-session.ts'

export interface PasswordSignIns {
  /** Signs in at plex.tv with login and password; throws the problem that says why not. */
  signIn(credentials: Credentials, attempt: Attempt): Promise<Session>
}

export interface PasswordSignInsOptions extends StartSessionOptions {
  readonly plexTv: Pick<PlexTv, 'resources' | 'account' | 'signIn'>
  readonly report: ReportAttempt
}

/** Characters that a login may be written with and without, and mean the same to plex.tv for all that is known here. */
const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\p{Cf}\s]/gu

export function createPasswordSignIns(options: PasswordSignInsOptions): PasswordSignIns {
  const { plexTv, report, now } = options
  const gate = createPasswordGate(now)
  const underWay = new Set<string>()

  /**
   * Not the one that a session lives under or another sign-in may: plex.tv keeps one token per account and identifier,
   * and this sign-in may yet fail after it was given a token, in an outage for example.
   */
  function identifierFor({ device, signedIn }: Attempt): string {
    const isTaken = signedIn || underWay.has(device?.clientIdentifier ?? '')
    return freeIdentifier(isTaken ? null : device, now())
  }

  return {
    async signIn(credentials, attempt) {
      const clientIdentifier = identifierFor(attempt)
      const { rations } = attempt
      const knownAs = attempt.device?.knownAs ?? null
      const login = credentials.login.trim().normalize('NFKC')
      // Whoever is known here counts apart from strangers, who could otherwise lock out anyone whose name they know.
      const name = `${knownAs === null ? '' : `${knownAs} `}${login.toLowerCase().replace(INVISIBLE, '')}`
      await rations.take('login_account', name)
      const [ration, key] =
        knownAs === null ? (['login_global', 'all'] as const) : (['login_device', String(knownAs)] as const)
      underWay.add(clientIdentifier)
      try {
        const { account, token } = await gate.pass(async (others) => {
          // Inside the gate, so that those who arrive in one moment count each other, and none slips in uncounted.
          await rations.check(ration, key, others)
          try {
            return await plexTv.signIn({ ...credentials, login }, clientIdentifier)
          } catch (error) {
            if (isFailure(error)) await rations.count(ration, key)
            throw error
          }
        }, `${ration} ${key}`)
        const session = await startSession(options, { account, token, clientIdentifier, method: 'password' })
        report({ method: 'password', result: 'ok', accountId: account.id, attempt })
        return session
      } catch (error) {
        report({ method: 'password', result: toResult(error), accountId: accountOf(error), attempt })
        throw error
      } finally {
        underWay.delete(clientIdentifier)
      }
    }
  }
}

/**
 * Whether plex.tv may have counted an attempt as a failed one: whatever it refused, in words known or not. A missing
 * code is no failure, for the password was right; and once plex.tv limits, it counts no more.
 */
function isFailure(error: unknown): boolean {
  if (!(error instanceof Problem) || error.upstream === undefined || error.upstream.status >= 500)
    return false
  return error.code !== 'USHER_VERIFICATION_REQUIRED' && error.code !== 'USHER_PLEX_LIMITED'
}
