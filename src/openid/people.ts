import type { AccessRules, Person, Verdict } from '../apps/access.ts'
import type { Libraries } from '../apps/libraries.ts'
import type { LiveSession, LiveSessions } from '../session/live/live-sessions.ts'
import type { Revocations } from '../session/live/revocation.ts'
import type { Session } from '../session/session.ts'
import type { Settled, Standings } from '../session/standing.ts'
import type { OpenIdClient } from './clients.ts'
import type { SignInRecord } from './sign-in-record.ts'
import type { SignIns } from './sign-ins.ts'

/** The people behind tokens, as currently known. */
export interface People {
  /** The newest state of a record's session; null if it has ended, or if no key unseals it. */
  sessionOf(record: SignInRecord): Session | null
  /** Looks up libraries if access depends on them, or if they are `wanted` for claims. */
  person(session: Session, wanted: boolean): Promise<Person>
  librariesOf(session: Session): readonly string[] | null
  decide(client: OpenIdClient, person: Person): Verdict
  /**
   * Whether the session may act for its apps now. Unlike in a browser it lasts to its absolute end, because a person
   * who uses an app does not come back to Usher meanwhile.
   */
  settle(session: Session): Promise<Settled>
  /** The `groups` claim. */
  groups(person: Person): readonly string[]
}

export interface PeopleOptions {
  readonly signIns: Pick<SignIns, 'open'>
  readonly live: Pick<LiveSessions, 'find' | 'of'>
  readonly standings: Pick<Standings, 'of' | 'ask'>
  readonly revocations: Pick<Revocations, 'isRevoked'>
  readonly libraries: Libraries
  readonly rules: AccessRules
  /** Without a configured server roles grant nothing (SECURITY rule 75). */
  readonly hasServer: boolean
  readonly now: () => number
}

export function createPeople(options: PeopleOptions): People {
  const { signIns, live, standings, revocations, libraries, rules, hasServer, now } = options

  return {
    sessionOf(record) {
      const kept = signIns.open(record)
      if (kept === null || now() >= record.expiresAt) return null
      const known = live.find(record.sessionId)?.session
      const session = known !== undefined && known.checkedAt >= kept.checkedAt ? known : kept
      if (record.libraries !== null) libraries.recall(record.accountId, record.libraries)
      return revocations.isRevoked(session) ? null : session
    },
    async person(session, wanted) {
      const accountId = session.account.id
      const names = wanted ? await libraries.ask(session) : libraries.known(accountId)
      return { accountId, role: hasServer ? session.role : 'none', libraries: names }
    },
    librariesOf: ({ account }) => libraries.known(account.id),
    decide: ({ access }, person) => rules.decide(access, person),
    async settle(session) {
      const known = live.of(session)
      const standing = standings.of(lasting(known))
      if (standing !== 'unproven') return standing
      await standings.ask(known)
      const settled = standings.of(lasting(known))
      // plex.tv has just been asked, in vain.
      return settled === 'unproven' ? 'past-grace' : settled
    },
    groups: (person) => rules.labels(person, 'all')
  }
}

/** The session without its idle end. */
function lasting(live: LiveSession): LiveSession {
  const { session } = live
  return { ...live, session: { ...session, idleExpiresAt: session.expiresAt } }
}
