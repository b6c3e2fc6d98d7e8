import type { Config } from '../config/config.ts'
import type { Role } from '../domain/roles.ts'

/** Who may open an app: anyone who matches one entry of any member. Null: everyone who may sign in. */
export type Access = NonNullable<Config['apps'][number]['access']>

/** What access to apps depends on: one person at one moment. */
export interface Person {
  readonly accountId: number
  /** `none` without a configured server, where roles decide nothing (SECURITY rule 75). */
  readonly role: Role
  /** Names of the libraries that the account sees; null if no server has reported them. */
  readonly libraries: readonly string[] | null
}

/** `unknown`: access depends on a library, and the media server has never reported which ones this account sees. */
export type Verdict = 'yes' | 'no' | 'unknown'

export interface AccessRules {
  decide(access: Access | null, person: Person): Verdict
  /** The operator's groups that a person belongs to, in the order of the setting. */
  groupsOf(person: Person): readonly string[]
  /** The role, then the operator's groups, then libraries: only those that the configuration names, or all. */
  labels(person: Person, libraries: 'named' | 'all'): readonly string[]
  /** Whether this access depends on a library. */
  asksLibraries(access: Access | null): boolean
  /** Whether any rule or group of the deployment names a library. */
  readonly namesLibraries: boolean
}

/** Rules that a reload may replace. */
export interface LiveAccessRules extends AccessRules {
  replace(config: AccessConfig): void
}

type AccessConfig = Pick<Config, 'apps' | 'groups' | 'oidc'>

const LIBRARY = 'library:'

export function createLiveAccessRules(config: AccessConfig): LiveAccessRules {
  let rules = createAccessRules(config)
  return {
    decide: (access, person) => rules.decide(access, person),
    groupsOf: (person) => rules.groupsOf(person),
    labels: (person, libraries) => rules.labels(person, libraries),
    asksLibraries: (access) => rules.asksLibraries(access),
    get namesLibraries() {
      return rules.namesLibraries
    },
    replace(next) {
      rules = createAccessRules(next)
    }
  }
}

/** Decides who may open which app; forward-auth and OpenID Connect share these rules. */
export function createAccessRules(config: AccessConfig): AccessRules {
  const { groups } = config
  const accesses = [...config.apps, ...config.oidc.clients].map(({ access }) => access)
  const named = new Set([
    ...groups.flatMap(({ libraries }) => libraries),
    ...accesses.flatMap((access) => access?.libraries ?? [])
  ])

  /** One match in any member is enough, for groups and apps alike. */
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
