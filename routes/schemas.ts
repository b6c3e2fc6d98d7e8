// Declares `tags` and `summary` on route schemas.
import type {} from '@fastify/swagger'
import { Type } from 'typebox'
import { PROBLEMS, type ProblemCode } from '../src/domain/problems.ts'
import { ROLES } from '../src/domain/roles.ts'
import { SIGN_IN_METHODS } from '../src/domain/sign-in-methods.ts'

/** RFC 9457 body of every problem (reference/http.md#problems). */
export const ProblemSchema = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.Enum(Object.keys(PROBLEMS) as ProblemCode[]),
    detail: Type.String(),
    requestId: Type.String(),
    upstream: Type.Optional(
      Type.Object({
        service: Type.Union([Type.Literal('plex.tv'), Type.Literal('pms')]),
        status: Type.Integer(),
        code: Type.Union([Type.Integer(), Type.Null()])
      })
    )
  },
  {
    title: 'Problem',
    examples: [
      {
        type: 'urn:usher:problem:USHER_SESSION_REQUIRED',
        title: 'Sign-in required',
        status: 401,
        code: 'USHER_SESSION_REQUIRED',
        detail: PROBLEMS.USHER_SESSION_REQUIRED.detail,
        requestId: 'WPjVUcJW-1a'
      }
    ]
  }
)

/** Response schemas for the statuses at which a route returns a problem. */
export function problems<const Status extends number>(
  ...statuses: Status[]
): Record<Status, typeof ProblemSchema> {
  return Object.fromEntries(statuses.map((status) => [status, ProblemSchema])) as Record<
    Status,
    typeof ProblemSchema
  >
}

export const NoContent = Type.Null({ description: 'No content' })

const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  Type.Union([schema, Type.Null()])

/** What a browser may know about its session (reference/http.md#session-view). */
export const SessionViewSchema = Type.Object(
  {
    account: Type.Object({
      id: Type.Integer(),
      uuid: Type.String(),
      username: Type.String(),
      title: Type.String(),
      email: Type.String(),
      thumb: Type.String(),
      restricted: Type.Boolean()
    }),
    role: Type.Enum([...ROLES]),
    server: Nullable(Type.Object({ name: Type.String(), machineIdentifier: Type.String() })),
    method: Type.Enum([...SIGN_IN_METHODS]),
    signedInAt: Type.String(),
    expiresAt: Type.String(),
    idleExpiresAt: Type.String(),
    stale: Type.Boolean()
  },
  {
    title: 'SessionView',
    examples: [
      {
        account: {
          id: 13692262,
          uuid: '212acf24b07315e5',
          username: 'ida',
          title: 'Ida',
          email: 'ida@example.com',
          thumb: '/plex/users/212acf24b07315e5/avatar',
          restricted: false
        },
        role: 'shared',
        server: { name: 'Box', machineIdentifier: '243b471948ace337a8f92f129ec97d1902fcb1df' },
        method: 'pin',
        signedInAt: '2026-11-28T09:00:00.000Z',
        expiresAt: '2026-12-28T09:00:00.000Z',
        idleExpiresAt: '2026-12-05T09:00:00.000Z',
        stale: false
      }
    ]
  }
)
