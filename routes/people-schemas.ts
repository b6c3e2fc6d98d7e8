import { Type } from 'typebox'
import { ROLES } from '../src/domain/roles.ts'
import { SIGN_IN_METHODS } from '../src/domain/sign-in-methods.ts'
import { STREAM_KINDS } from '../src/domain/streams.ts'

const AccountName = Type.Object({ id: Type.Integer(), username: Type.String(), title: Type.String() })

/** Who is signed in (reference/http.md#people). */
export const SessionListSchema = Type.Object(
  {
    sessions: Type.Array(
      Type.Object({
        handle: Type.String(),
        current: Type.Boolean(),
        account: AccountName,
        device: Type.Object({
          name: Type.String(),
          kind: Type.Enum(['desktop', 'phone', 'tablet', 'tv', 'other'])
        }),
        network: Type.String(),
        method: Type.Enum([...SIGN_IN_METHODS]),
        signedInAt: Type.String(),
        lastSeenAt: Type.String(),
        apps: Type.Array(Type.Object({ id: Type.String(), name: Type.String() })),
        streams: Type.Array(
          Type.Object({
            kind: Type.Enum([...STREAM_KINDS]),
            title: Type.Union([Type.String(), Type.Null()]),
            since: Type.String()
          })
        )
      })
    ),
    complete: Type.Boolean()
  },
  { title: 'SessionList' }
)

export const AccountListSchema = Type.Object(
  {
    accounts: Type.Array(
      Type.Object({
        id: Type.Integer(),
        username: Type.String(),
        title: Type.String(),
        role: Type.Enum([...ROLES]),
        blocked: Type.Boolean(),
        sessions: Type.Integer(),
        lastSeenAt: Type.Union([Type.String(), Type.Null()])
      })
    )
  },
  { title: 'AccountList' }
)

export const EventListSchema = Type.Object(
  {
    events: Type.Array(
      Type.Object(
        {
          id: Type.String(),
          at: Type.String(),
          event: Type.String(),
          accountId: Type.Optional(Type.Union([Type.Integer(), Type.Null()]))
        },
        { additionalProperties: Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()]) }
      )
    )
  },
  { title: 'EventList' }
)

const AccountId = Type.String({ pattern: '^[1-9]\\d{0,15}$' })

export const AccountQuery = Type.Object({ account: Type.Optional(AccountId) })
export const HandleParams = Type.Object({ handle: Type.String({ pattern: '^[\\w-]{22}$' }) })
export const AccountParams = Type.Object({ id: AccountId })
export const EventsQuery = Type.Object({ before: Type.Optional(Type.String({ pattern: '^[\\w-]{1,40}$' })) })

/** Undefined where none is named. */
export function toAccountId(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text)
}
