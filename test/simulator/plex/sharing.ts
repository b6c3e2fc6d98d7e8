import type { SimAccount } from '../accounts.ts'
import type { JsonObject } from '../json.ts'
import type { Route } from '../router.ts'
import type { Share } from '../servers.ts'
import type { World } from '../world.ts'
import { toXml } from '../xml.ts'
import { withCaller } from './caller.ts'
import { MYPLEX_ID } from './home.ts'
import { isoSeconds } from './pins.ts'
import { plexError, plexReply, xmlAnswer } from './reply.ts'

const RIGHTS = {
  allowTuners: 0,
  allowSync: 0,
  allowCameraUpload: 0,
  allowChannels: 0,
  allowSubtitleAdmin: 0,
  filterAll: '',
  filterMovies: '',
  filterMusic: '',
  filterPhotos: '',
  filterTelevision: ''
}

/** Who else may use the caller's servers (reference/plex.md#sharing). */
export function sharingRoutes(world: World): Route[] {
  return [
    ['GET', '/api/users', withCaller(world, (_request, { account }) => users(world, account))],
    [
      'GET',
      '/api/servers/{machineId}/shared_servers',
      withCaller(world, (request, { account }) => {
        const server = world.servers.byMachine(request.params['machineId'] ?? '')
        if (!server) return plexError(request, 1002)
        if (server.owner !== account.key) return plexError(request, 1043)
        const shares = world.servers
          .shares(server.machineIdentifier)
          .map((share) => sharedServer(world, share))
        const head = {
          friendlyName: 'myPlex',
          machineIdentifier: server.machineIdentifier,
          size: shares.length
        }
        return xmlAnswer(200, toXml('MediaContainer', { ...head, SharedServer: shares }, 'flat'))
      })
    ],
    [
      'POST',
      '/api/v2/shared_servers',
      withCaller(world, (request, { account }) => {
        const server = world.servers.byMachine(request.field('machineIdentifier') ?? '')
        const invited = world.accounts.byIdOrUuid(request.field('invitedId') ?? '')
        if (!server || !invited) return plexError(request, 1004)
        if (server.owner !== account.key) return plexError(request, 1043)
        world.servers.addShare(invited.key, server.machineIdentifier, true)
        const share = {
          id: 900_001,
          name: server.name,
          ownerId: account.id,
          invitedId: invited.id,
          accepted: false
        }
        return plexReply(request, 201, 'sharedServer', {
          ...share,
          machineIdentifier: server.machineIdentifier
        })
      })
    ],
    [
      'GET',
      '/api/v2/friends',
      withCaller(world, (request, { account }) => plexReply(request, 200, 'friends', friends(world, account)))
    ]
  ]
}

function ownedBy(world: World, account: SimAccount): string[] {
  return world.servers.all
    .filter(({ owner }) => owner === account.key)
    .map((server) => server.machineIdentifier)
}

function othersOf(world: World, account: SimAccount): [SimAccount, Share[]][] {
  const owned = ownedBy(world, account)
  const shares = owned.flatMap((machineIdentifier) => world.servers.shares(machineIdentifier))
  const keys = new Set(shares.map((share) => share.account))
  return [...keys]
    .filter((key) => !world.vectors || key === 'friend')
    .map((key) => [world.accounts.get(key), shares.filter((share) => share.account === key)])
}

function users(world: World, account: SimAccount) {
  const entries = othersOf(world, account).map(([user, shares]): JsonObject => {
    const { allowTuners, allowSync, allowCameraUpload, allowChannels, allowSubtitleAdmin, ...filters } =
      RIGHTS
    return {
      id: user.id,
      title: user.title,
      username: user.username,
      email: user.email,
      recommendationsPlaylistId: '',
      thumb: `https://plex.tv/users/${user.uuid}/avatar?c=1`,
      protected: user.homePin !== null,
      home: user.home !== null,
      allowTuners,
      allowSync,
      allowCameraUpload,
      allowChannels,
      allowSubtitleAdmin,
      ...filters,
      restricted: user.home === 'managed',
      Server: shares.map((share, index) => sharedWith(world, share, index))
    }
  })
  const head = {
    friendlyName: 'myPlex',
    identifier: 'com.plexapp.plugins.myplex',
    machineIdentifier: MYPLEX_ID,
    totalSize: entries.length,
    size: entries.length
  }
  return xmlAnswer(200, toXml('MediaContainer', { ...head, User: entries }, 'flat'))
}

function sharedWith(world: World, share: Share, index: number): JsonObject {
  return {
    id: index + 1,
    serverId: index + 2,
    machineIdentifier: share.machineIdentifier,
    name: world.servers.byMachine(share.machineIdentifier)?.name ?? '',
    lastSeenAt: 1_732_460_000,
    numLibraries: 2,
    allLibraries: true,
    owned: true,
    pending: share.pending
  }
}

function sharedServer(world: World, share: Share): JsonObject {
  const account = world.accounts.get(share.account)
  return {
    id: account.id + 1,
    username: account.username,
    email: account.email,
    userID: account.id,
    accessToken: share.token,
    name: world.servers.byMachine(share.machineIdentifier)?.name ?? '',
    invitedAt: 1_700_000_000,
    acceptedAt: share.pending ? null : 1_700_000_100,
    ...RIGHTS,
    owned: false,
    allLibraries: true,
    Section: [{ id: 10_001, key: 1, title: 'Movies', type: 'movie', shared: true }]
  }
}

function friends(world: World, account: SimAccount): JsonObject[] {
  return othersOf(world, account).map(([user, shares]) => ({
    id: user.id,
    uuid: user.uuid,
    title: user.title,
    username: user.username === '' ? null : user.username,
    restricted: user.home === 'managed',
    email: user.email === '' ? null : user.email,
    friendlyName: user.friendlyName,
    thumb: `https://plex.tv/users/${user.uuid}/avatar?c=1`,
    home: user.home !== null,
    status: shares.every((share) => share.pending) ? 'pending' : 'accepted',
    sharingSettings: RIGHTS,
    sharedServers: shares.map((share, index) => ({
      ...sharedWith(world, share, index),
      accepted: !share.pending,
      acceptedAt: share.pending ? null : isoSeconds(1_700_000_100_000),
      inviteToken: world.secrets.mint('inv'),
      ownerId: account.id
    })),
    sharedSources: []
  }))
}
