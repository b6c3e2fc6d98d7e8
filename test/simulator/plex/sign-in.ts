import type { SimAccount } from '../accounts.ts'
import type { Answer } from '../answer.ts'
import type { JsonObject } from '../json.ts'
import type { SimRequest } from '../request.ts'
import type { Route } from '../router.ts'
import type { AccountToken, DeviceInfo } from '../tokens.ts'
import type { World } from '../world.ts'
import { accountDocument } from './account-document.ts'
import { withCaller } from './caller.ts'
import { type PlexCode, plexError, plexReply } from './reply.ts'

/**
 * Password sign-in, the account of a token, ping and sign-out (reference/plex.md#accounts, #password-sign-in,
 * #token-checks).
 */
export function signInRoutes(world: World): Route[] {
  return [
    ['POST', '/api/v2/users/signin', (request) => signIn(world, request)],
    [
      'GET',
      '/api/v2/user',
      withCaller(world, (request, caller) => plexReply(request, 200, 'user', documentOf(world, caller)))
    ],
    ['GET', '/api/v2/ping', withCaller(world, (request) => plexReply(request, 200, 'pong', pong(request)))],
    [
      'DELETE',
      '/api/v2/users/signout',
      withCaller(world, (_request, caller) => {
        world.tokens.revoke(caller.token)
        return { status: 204 }
      })
    ]
  ]
}

function pong(request: SimRequest) {
  return request.wantsJson ? { pong: true } : true
}

export function documentOf(world: World, { account, token, issuedAt }: AccountToken): JsonObject {
  return accountDocument(world, account, token, issuedAt)
}

export function deviceInfo(request: SimRequest): DeviceInfo {
  return {
    product: request.plex('Product'),
    deviceName: request.plex('Device-Name'),
    platform: request.plex('Platform')
  }
}

function signIn(world: World, request: SimRequest): Answer {
  const login = request.field('login') ?? ''
  const password = request.field('password') ?? ''
  const outcome = authenticate(world, request.ip, login, password, request.field('verificationCode'))
  if (typeof outcome === 'number') return plexError(request, outcome)
  const issued = world.tokens.issue(outcome, request.plex('Client-Identifier') ?? '', deviceInfo(request))
  const document = { ...documentOf(world, issued), pastSubscriptions: [], trials: [] }
  return plexReply(request, world.modes.signInStatus, 'user', document)
}

/** The account, or the code of the refusal. */
export function authenticate(
  world: World,
  ip: string,
  login: string,
  password: string,
  verificationCode: string | undefined
): SimAccount | PlexCode {
  const { limits, accounts } = world
  if (limits.exceeds('signIns', ip)) return 1003
  if (limits.isLocked(ip)) return 1031
  if (login === '' || password === '') return 1004
  const account = accounts.byLogin(login)
  if (account?.locked) return 1031
  if (account?.emailOnlyAuth && !login.includes('@')) return 1030
  if (!account || account.password === null) return failed(world, ip, 1001)
  // The legacy way: the code appended to the password (reference/plex.md#password-sign-in).
  const appended =
    account.verificationCode !== null && password === `${account.password}${account.verificationCode}`
  if (password !== account.password && !appended) return failed(world, ip, 1001)
  if (account.verificationCode === null || appended) return account
  if (verificationCode === undefined || verificationCode === '') return 1029
  return verificationCode === account.verificationCode ? account : failed(world, ip, 1028)
}

function failed(world: World, ip: string, code: PlexCode): PlexCode {
  world.limits.fail(ip)
  return code
}
