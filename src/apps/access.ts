import type { Config } from '../config/config.ts'
import type { Role } from '../domain/roles.ts'

/** Who may open an app: whoever matches one entry of any member; everybody who may sign in where it is null. */
export type Access = NonNullable<Config['apps'][number]['access']>

/** What decides about apps; one instant of one person. */
export interface Person {
  readonly accountId: number
  /** `none` without a configured server, where roles decide nothing (SECURITY rule 75). */
  readonly role: Role
  /** The libraries that the account sees by name; null where no server has told. */
  readonly libraries: readonly string[] | null
}

/** `unknown`: a library would decide, and the media server has never told which this account sees. */
export type Verdict = 'yes' | 'no' | 'unknown'

export interface AccessRules {
  decide(access: Access | null, person: Person): Verdict
  /** The operator's groups that a person is in, in the order of the setting. */
  groupsOf(person: Person): readonly string[]
  /** Role first, then the operator's groups, then libraries: those alone that the configuration names, or all. */
  labels(person: Person, libraries: 'named' | 'all'): readonly string[]
  /** Whether a library may decide about this access. */
  asksLibraries(access: Access | null): boolean
  /** Whether any rule or group of the deployment names a library. */
  readonly namesLibraries: boolean
}

const LIBRARY = 'library:'

/** The one place that decides who may open what: forward-auth and OpenID Connect ask the same rules. */
export function createAccessRules(config: Pick<Config, 'apps' | 'groups' | 'oidc'>): AccessRules {
  const { groups } = config
  const accesses = [...config.apps, ...config.oidc.clients].map(({ access }) => access)
  const named = new Set([
    ...groups.flatMap(({ libraries }) => libraries),
    ...accesses.flatMap((access) => access?.libraries ?? [])
  ])

  /** One match in any member is enough, for a group as for an app. */
  function matches(rule: Pick<Access, 'accounts' | 'roles' | 'libraries'>, person: Person): boolean {
    const { accountId, role, libraries } = person
    return (
      rule.accounts.includes(accountId) ||
      rule.roles.some((name) => name === role) ||
      rule.libraries.some((name) => libraries?.includes(name) === true)
    )
  }

  function groupsOf(person: Person): readonly string[] {
    return groups.filter((group) => matches(group, person)).map(({ name }) => name)
  }

  function asksLibraries(access: Access | null): boolean {
    if (access === null) return false
    const asking = groups.filter(({ libraries }) => libraries.length > 0).map(({ name }) => name)
    return access.libraries.length > 0 || access.groups.some((name) => asking.includes(name))
  }

  return {
    decide(access, person) {
      if (access === null) return 'yes'
      const mine = groupsOf(person)
      if (matches(access, person) || access.groups.some((name) => mine.includes(name))) return 'yes'
      return person.libraries === null && asksLibraries(access) ? 'unknown' : 'no'
    },
    groupsOf,
    labels(person, libraries) {
      const seen = (person.libraries ?? []).filter((name) => libraries === 'all' || named.has(name))
      return [person.role, ...groupsOf(person), ...seen.map((name) => LIBRARY + name)]
    },
    asksLibraries,
    namesLibraries: named.size > 0
  }
}
