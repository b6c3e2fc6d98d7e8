import type { AccessRules, Person, Verdict } from '../apps/access.ts'
import type { Libraries } from '../apps/libraries.ts'
import type { LiveSessions } from '../session/live/live-sessions.ts'
import type { Revocations } from '../session/live/revocation.ts'
import type { Session } from '../session/session.ts'
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
  isPastGrace(session: Session): boolean
  /** Whether plex.tv has said once, and not yet twice, that the account has no access. */
  isDenied(session: Session): boolean
  /** The `groups` claim. */
  groups(person: Person): readonly string[]
}

export interface PeopleOptions {
  readonly signIns: Pick<SignIns, 'open'>
  readonly live: Pick<LiveSessions, 'find'>
  readonly revocations: Pick<Revocations, 'isRevoked'>
  readonly libraries: Libraries
  readonly rules: AccessRules
  /** Without a configured server roles grant nothing (SECURITY rule 75). */
  readonly hasServer: boolean
  readonly outageGraceMs: number
  readonly now: () => number
}

export function createPeople(options: PeopleOptions): People {
  const { signIns, live, revocations, libraries, rules, hasServer, outageGraceMs, now } = options

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
    isDenied: ({ id }) => (live.find(id)?.denial ?? null) !== null,
    isPastGrace: ({ checkedAt }) => now() - checkedAt > outageGraceMs,
    groups: (person) => rules.labels(person, 'all')
  }
}
