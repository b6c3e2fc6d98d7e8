import { Value } from 'typebox/value'
import { ACCESS_ROLES, AccountId, Group, Library } from './access.ts'
import { parseJson } from './entries.ts'
import { Invalid } from './setting.ts'

export type GroupSetting = ReturnType<typeof parseGroups>[number]

/**
 * USHER_GROUPS: an object that maps each group to an array of account ids, `role:…` and `library:…`. Apps get groups
 * in one list with the role and `library:NAME`, so no group may have such a name.
 */
export function parseGroups(text: string) {
  const value = parseJson(text)
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Invalid('must be a JSON object')
  const reasons: string[] = []
  const groups = Object.entries(value).map(([name, members]: [string, unknown], index) => {
    const report = (words: string) => reasons.push(`entry ${index + 1}: ${words}`)
    if (!Value.Check(Group, name)) report('its name must be 1 to 128 characters without a comma')
    if (/^(?:owner|home|shared|none|(?:role|library):.*)$/i.test(name))
      report('its name must not be that of a role, nor begin with role: or library:')
    return { name, ...readMembers(members, report) }
  })
  if (reasons.length > 0) throw new Invalid(...reasons)
  return groups
}

function readMembers(members: unknown, report: (words: string) => void) {
  const list: readonly unknown[] = Array.isArray(members) ? members : []
  const accounts = list.filter((member) => Value.Check(AccountId, member))
  const texts = list.filter((member) => typeof member === 'string')
  const roles = ACCESS_ROLES.filter((role) => texts.includes(`role:${role}`))
  const libraries = texts
    .filter((member) => member.startsWith('library:'))
    .map((member) => member.slice('library:'.length))
    .filter((library) => Value.Check(Library, library))
  if (!Array.isArray(members) || accounts.length + roles.length + libraries.length < new Set(list).size)
    report('its members must be numeric account ids, role:owner, role:home, role:shared or library:NAME')
  return { accounts, roles, libraries }
}
