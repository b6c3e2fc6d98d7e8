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

/** Characters that may make no difference in a login at plex.tv, as far as Usher knows. */
const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\p{Cf}\s]/gu

export function createPasswordSignIns(options: PasswordSignInsOptions): PasswordSignIns {
  const { plexTv, report, now } = options
  const gate = createPasswordGate(now)
  const underWay = new Set<string>()

  /**
   * Not an identifier that a session or another sign-in uses: plex.tv keeps one token per account and identifier, and
   * this sign-in can still fail after it got a token, for example in an outage.
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
      // Known browsers are counted apart from strangers, who could otherwise lock out anyone whose name they know.
      const name = `${knownAs === null ? '' : `${knownAs} `}${login.toLowerCase().replace(INVISIBLE, '')}`
      await rations.take('login_account', name)
      const [ration, key] =
        knownAs === null ? (['login_global', 'all'] as const) : (['login_device', String(knownAs)] as const)
      underWay.add(clientIdentifier)
      try {
        const { account, token } = await gate.pass(async (others) => {
          // Inside the gate, so that attempts which arrive together count each other, and none passes uncounted.
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
 * Whether plex.tv may have counted an attempt as a failure: any refusal, with a known error code or not. A missing
 * verification code is no failure, because the password was right. Once plex.tv limits, it counts no more.
 */
function isFailure(error: unknown): boolean {
  if (!(error instanceof Problem) || error.upstream === undefined || error.upstream.status >= 500)
    return false
  return error.code !== 'USHER_VERIFICATION_REQUIRED' && error.code !== 'USHER_PLEX_LIMITED'
}
