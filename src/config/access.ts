import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { misfits, type Report } from './entries.ts'

/** The roles that an app or a group may ask for, highest first. */
export const ACCESS_ROLES = ['owner', 'home', 'shared'] as const

/** A name that is sent in a comma-separated header: it has no comma and nothing invisible. */
const NAME = '^(?! )[^,\\p{C}]{1,128}(?<! )$'

export const Library = Type.String({ pattern: NAME })
export const Group = Type.String({ pattern: NAME })
/** Numeric, because names and addresses change hands. */
export const AccountId = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })

const Members = Type.Object(
  {
    roles: Type.Optional(Type.Array(Type.Enum(ACCESS_ROLES), { minItems: 1 })),
    libraries: Type.Optional(Type.Array(Library, { minItems: 1 })),
    accounts: Type.Optional(Type.Array(AccountId, { minItems: 1 })),
    groups: Type.Optional(Type.Array(Group, { minItems: 1 }))
  },
  { additionalProperties: false }
)

const WORDS = {
  roles: `roles must be some of ${ACCESS_ROLES.join(', ')}`,
  libraries: 'libraries must be names without a comma',
  accounts: 'accounts must be numeric account ids',
  groups: 'groups must be names of USHER_GROUPS'
}

/** Who may use an app: one match in any of the four is enough. */
export type Access = {
  readonly [Member in keyof Static<typeof Members>]-?: NonNullable<Static<typeof Members>[Member]>
}

/** The member of an app or client that says who may use it; null: everybody who may sign in. */
export function readAccess(value: unknown, report: Report): Access | null {
  if (value === undefined) return null
  if (!Value.Check(Members, value)) {
    for (const reason of misfits(Members, WORDS, value)) report(`access ${reason}`)
    return null
  }
  // An empty object could mean everybody or nobody.
  if (Object.keys(value).length === 0)
    report('access must have a member; leave access out to admit everybody who may sign in')
  const { roles = [], libraries = [], accounts = [], groups = [] } = value
  return { roles, libraries, accounts, groups }
}
