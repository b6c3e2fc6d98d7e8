import type { SimAccount } from '../accounts.ts'
import type { Answer } from '../answer.ts'
import type { JsonObject } from '../json.ts'
import type { SimRequest } from '../request.ts'
import type { Route } from '../router.ts'
import type { AccountToken } from '../tokens.ts'
import type { World } from '../world.ts'
import { toXml } from '../xml.ts'
import { withCaller } from './caller.ts'
import { plexError, plexReply, xmlAnswer } from './reply.ts'
import { deviceInfo, documentOf } from './sign-in.ts'

/** Plex Home: its users and switching between them (reference/plex.md#plex-home). */
export function homeRoutes(world: World): Route[] {
  return [
    [
      'GET',
      '/api/v2/home',
      withCaller(world, (request) => plexReply(request, 200, 'home', homeDocument(world)))
    ],
    [
      'GET',
      '/api/v2/home/users',
      withCaller(world, (request, { account }) => {
        const users = account.home === null ? [] : homeAccounts(world).map((user) => homeUser(user))
        return plexReply(request, 200, 'home', { ...homeDocument(world), users })
      })
    ],
    [
      'POST',
      '/api/v2/home/users/{user}/switch',
      withCaller(world, (request, caller) => {
        const switched = switchUser(world, request, caller)
        return 'account' in switched ? plexReply(request, 201, 'user', documentOf(world, switched)) : switched
      })
    ],
    ['GET', '/api/home/users', withCaller(world, () => legacyUsers(world))],
    [
      'POST',
      '/api/home/users/{user}/switch',
      withCaller(world, (request, caller) => {
        const switched = switchUser(world, request, caller)
        if (!('account' in switched)) return switched
        const { account, token } = switched
        const user = { id: account.id, uuid: account.uuid, title: account.title, authenticationToken: token }
        return xmlAnswer(201, toXml('user', user, 'flat'))
      })
    ]
  ]
}

/** The token after a switch, or the refusal. */
function switchUser(world: World, request: SimRequest, caller: AccountToken): AccountToken | Answer {
  if (world.limits.exceeds('homeSwitches', String(caller.account.id))) return plexError(request, 1003)
  const wanted = world.accounts.byIdOrUuid(request.params['user'] ?? '')
  if (!wanted || caller.account.home === null || !homeAccounts(world).includes(wanted))
    return plexError(request, 1002)
  if (wanted.homePin !== null && request.field('pin') !== wanted.homePin) {
    return plexError(request, 1041, { bare: world.modes.homePinErrorWithoutStatus })
  }
  return world.tokens.issue(wanted, request.plex('Client-Identifier') ?? '', deviceInfo(request))
}

function homeAccounts(world: World): SimAccount[] {
  const shown = world.vectors ? ['owner', 'kid'] : world.accounts.all.map(({ key }) => key)
  return world.accounts.all.filter(({ home, key }) => home !== null && shown.includes(key))
}

function homeDocument(world: World): JsonObject {
  return {
    id: 4242,
    name: "simuser's Home",
    guestUserID: 99,
    guestUserUUID: 'aaaabbbbccccdddd',
    guestEnabled: !world.vectors,
    subscription: true
  }
}

function homeUser(account: SimAccount): JsonObject {
  return {
    id: account.id,
    uuid: account.uuid,
    title: account.title,
    username: account.username === '' ? null : account.username,
    email: account.email === '' ? null : account.email,
    friendlyName: account.friendlyName,
    thumb: `https://plex.tv/users/${account.uuid}/avatar?c=1`,
    hasPassword: account.password !== null,
    restricted: account.home === 'managed',
    updatedAt: 1_700_000_000,
    restrictionProfile: account.restrictionProfile,
    admin: account.home === 'admin',
    guest: account.home === 'guest',
    protected: account.homePin !== null
  }
}

function legacyUsers(world: World): Answer {
  const users = homeAccounts(world).map((account) => homeUser(account))
  const head = {
    friendlyName: 'myPlex',
    identifier: 'com.plexapp.plugins.myplex',
    machineIdentifier: MYPLEX_ID,
    totalSize: users.length,
    size: users.length,
    guestUserID: 99
  }
  return xmlAnswer(200, toXml('MediaContainer', { ...head, User: users }, 'flat'))
}

export const MYPLEX_ID = '3dff4c4da3b1229a649aa574a9e2b419a684a20e'
