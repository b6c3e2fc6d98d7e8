import { isTokenDead, Problem } from '../../domain/problems.ts'
import type { HomeUser } from '../../plex/home-user.ts'
import type { PlexTv } from '../../plex/plex-tv.ts'
import type { HomeAdmin, Session } from '../session.ts'
import { type Attempt, type ReportAttempt, toResult } from './attempt.ts'
import { type StartSessionOptions, startSession } from './start-session.ts'

export interface HomeSignIns {
  /** The profiles of the Plex Home that the session's account, or the one that it was switched from, belongs to. */
  profiles(session: Session): Promise<readonly HomeUser[]>
  /** The session of another profile. Throws USHER_HOME_PIN_REJECTED for a wrong or missing PIN. */
  switchTo(session: Session, uuid: string, pin: string | undefined, attempt: Attempt): Promise<Session>
}

export interface HomeSignInsOptions extends StartSessionOptions {
  readonly plexTv: Pick<PlexTv, 'resources' | 'account' | 'homeUsers' | 'switchHomeUser'>
  readonly report: ReportAttempt
}

export function createHomeSignIns(options: HomeSignInsOptions): HomeSignIns {
  const { plexTv, machineId, report } = options

  return {
    profiles(session) {
      const { token, clientIdentifier } = openerOf(session)
      return asOpener(session, () => plexTv.homeUsers(token, clientIdentifier))
    },

    async switchTo(session, uuid, pin, attempt) {
      const opener = openerOf(session)
      const { clientIdentifier } = opener
      // Counted by Home and profile, not by who asks and from where: four digits are quickly guessed.
      await attempt.rations.take('home_switch', `${opener.uuid} ${uuid}`)
      try {
        // startSession asks again. It is asked here first because the switch replaces a token at plex.tv: an outage
        // that shows only afterwards would cost that token.
        await Promise.all([
          machineId(),
          asOpener(session, () => plexTv.resources(opener.token, clientIdentifier))
        ])
        const { account, token } = await asOpener(session, () =>
          plexTv.switchHomeUser(opener.token, clientIdentifier, uuid, pin)
        )
        const switched = await startSession(options, {
          account,
          token,
          clientIdentifier,
          method: 'home',
          // After a switch back, the new token is the opener's own; plex.tv has replaced the old one.
          homeAdmin: account.uuid === opener.uuid ? null : opener
        })
        report({ method: 'home', result: 'ok', accountId: account.id, attempt })
        return switched
      } catch (error) {
        report({ method: 'home', result: toResult(error), accountId: session.account.id, attempt })
        throw error
      }
    }
  }
}

/** Whose token opens the Home: the account that signed in, also after a switch to a managed profile. */
function openerOf(session: Session): HomeAdmin {
  const { account, accountToken, clientIdentifier } = session
  return (
    session.homeAdmin ?? { accountId: account.id, uuid: account.uuid, token: accountToken, clientIdentifier }
  )
}

/** The opener's token is not this session's own: if it is dead, the session goes on, without switching profiles. */
async function asOpener<T>(session: Session, call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    if (!isTokenDead(error) || session.homeAdmin === null) throw error
    throw new Problem('USHER_SERVER_ACCESS_DENIED', {
      detail: 'The account that opened this Home was signed out at Plex. Sign in with it again.',
      cause: error
    })
  }
}
