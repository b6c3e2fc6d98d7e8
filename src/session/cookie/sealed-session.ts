import { isRole } from '../../domain/roles.ts'
import { isSignInMethod } from '../../domain/sign-in-methods.ts'
import {
  createCodec,
  createLayout,
  flag,
  integer,
  type Member,
  nullable,
  text,
  tuple
} from '../../seal/codec.ts'
import type { Session } from '../session.ts'

/** `true` stands for the account token: an owned server's access token is the same in practice, and is written once. */
const token: Member<string | true | null> = (value) =>
  value === null || value === true || typeof value === 'string'

const members = {
  id: text,
  accountId: integer,
  uuid: text,
  username: text,
  title: text,
  email: text,
  restricted: flag,
  accountToken: text,
  clientIdentifier: text,
  role: isRole,
  server: nullable(tuple(text, text, nullable(text))),
  serverToken: token,
  method: isSignInMethod,
  signedInAt: integer,
  expiresAt: integer,
  seenAt: integer,
  idleExpiresAt: integer,
  checkedAt: integer,
  homeAdmin: nullable(tuple(text, text, text, integer))
}

const version1 = createLayout(members)
/** Adds whether plex.tv has confirmed the e-mail address. */
const version2 = createLayout({ ...members, emailVerified: flag })

type Version1 = NonNullable<ReturnType<typeof version1.read>>
type Version2 = NonNullable<ReturnType<typeof version2.read>>

/** The session as its cookie contains it, readable in every version that Usher ever wrote. */
export const sessionCodec = createCodec<Session>({
  version: 2,
  encode: (session) => version2.write(toRecord(session)),
  decoders: new Map([
    [1, (values) => toSession(version1.read(values))],
    [2, (values) => toSession(version2.read(values))]
  ])
})

function toRecord(session: Session): Version2 {
  const { account, server, homeAdmin } = session
  return {
    ...session,
    accountId: account.id,
    uuid: account.uuid,
    username: account.username,
    title: account.title,
    email: account.email,
    restricted: account.restricted,
    emailVerified: account.emailVerified,
    server: server === null ? null : [server.name, server.machineIdentifier, server.uri],
    serverToken: session.serverToken === session.accountToken ? true : session.serverToken,
    homeAdmin:
      homeAdmin === null
        ? null
        : [homeAdmin.uuid, homeAdmin.token, homeAdmin.clientIdentifier, homeAdmin.accountId]
  }
}

function toSession(record: Version1 | Version2 | null): Session | null {
  if (record === null) return null
  const { server, homeAdmin } = record
  return {
    id: record.id,
    account: {
      id: record.accountId,
      uuid: record.uuid,
      username: record.username,
      title: record.title,
      email: record.email,
      emailVerified: 'emailVerified' in record && record.emailVerified,
      restricted: record.restricted
    },
    accountToken: record.accountToken,
    clientIdentifier: record.clientIdentifier,
    role: record.role,
    server: server === null ? null : { name: server[0], machineIdentifier: server[1], uri: server[2] },
    serverToken: record.serverToken === true ? record.accountToken : record.serverToken,
    method: record.method,
    signedInAt: record.signedInAt,
    expiresAt: record.expiresAt,
    seenAt: record.seenAt,
    idleExpiresAt: record.idleExpiresAt,
    checkedAt: record.checkedAt,
    homeAdmin:
      homeAdmin === null
        ? null
        : {
            uuid: homeAdmin[0],
            token: homeAdmin[1],
            clientIdentifier: homeAdmin[2],
            accountId: homeAdmin[3]
          }
  }
}
