import type { SimAccount } from '../accounts.ts'
import type { Answer } from '../answer.ts'
import type { JsonObject } from '../json.ts'
import type { SimRequest } from '../request.ts'
import type { Route } from '../router.ts'
import type { AccountToken } from '../tokens.ts'
import type { World } from '../world.ts'
import { toXml } from '../xml.ts'
import { withCaller } from './caller.ts'
import { jsonAnswer, plexError, plexReply, xmlAnswer } from './reply.ts'
import { authenticate, deviceInfo } from './sign-in.ts'

/**
 * The calls of version 1: sign-in, account, devices, small services (reference/plex.md#accounts, #sign-out,
 * #resources).
 */
export function legacyRoutes(world: World): Route[] {
  return [
    ['POST', '/users/sign_in{format*}', (request) => legacySignIn(world, request)],
    [
      'GET',
      '/users/account{format*}',
      withCaller(world, (request, caller) => legacyReply(request, 200, legacyAccount(caller)))
    ],
    ['GET', '/devices.xml', withCaller(world, (_request, { account }) => devices(world, account))],
    [
      'DELETE',
      '/devices/{id}.xml',
      withCaller(world, (request, { account }) => {
        const id = Number(request.params['id'])
        const own = world.tokens.living(account.id).some(({ device }) => device.id === id)
        return own && world.tokens.removeDevice(id) ? { status: 200, body: '' } : plexError(request, 1002)
      })
    ],
    ['GET', '/api/v2/features', withCaller(world, (request) => plexReply(request, 200, 'features', []))],
    [
      'GET',
      '/api/v2/geoip',
      (request) => plexReply(request, 200, 'location', { code: 'GB', city: 'London' })
    ],
    [
      'GET',
      '/:/ip',
      (request) => ({ status: 200, headers: { 'Content-Type': 'text/plain' }, body: request.ip })
    ],
    [
      'POST',
      '/api/claim/token{format*}',
      withCaller(world, (request) => plexReply(request, 200, 'claim', { token: world.secrets.mint('clm') }))
    ]
  ]
}

function legacySignIn(world: World, request: SimRequest): Answer {
  const basic = /^Basic (.+)$/i.exec(request.headers.authorization ?? '')?.[1]
  const decoded = Buffer.from(basic ?? '', 'base64').toString('utf8')
  const colon = decoded.indexOf(':')
  const login = basic ? decoded.slice(0, colon) : (request.field('user[login]') ?? '')
  const password = basic ? decoded.slice(colon + 1) : (request.field('user[password]') ?? '')
  const outcome = authenticate(world, request.ip, login, password, undefined)
  if (typeof outcome === 'number') return plexError(request, outcome)
  const clientIdentifier = request.plex('Client-Identifier')
  if (clientIdentifier === undefined) return plexError(request, 1000)
  return legacyReply(
    request,
    201,
    legacyAccount(world.tokens.issue(outcome, clientIdentifier, deviceInfo(request)))
  )
}

function legacyReply(request: SimRequest, status: number, user: JsonObject): Answer {
  const json = request.path.endsWith('.json') || (!request.path.endsWith('.xml') && request.wantsJson)
  return json ? jsonAnswer(status, { user }) : xmlAnswer(status, toXml('user', user, 'wrapped'))
}

function legacyAccount({ account, token }: AccountToken): JsonObject {
  return {
    id: account.id,
    uuid: account.uuid,
    email: account.email,
    joined_at: '2012-06-08T03:05:59Z',
    username: account.username,
    title: account.title,
    thumb: `https://plex.tv/users/${account.uuid}/avatar?c=1630875354`,
    hasPassword: account.password !== null,
    authToken: token,
    authentication_token: token,
    subscription: { active: account.home !== null, status: 'Active', plan: 'lifetime', features: ['home'] },
    roles: { roles: account.home === null ? [] : ['plexpass'] },
    entitlements: ['all']
  }
}

function devices(world: World, account: SimAccount): Answer {
  const entries = world.tokens.living(account.id).map(({ device, token }) => ({
    name: device.deviceName,
    publicAddress: '203.0.113.7',
    product: device.product,
    productVersion: '1.0',
    platform: device.platform,
    platformVersion: '1',
    device: device.platform,
    model: '',
    vendor: '',
    provides: '',
    clientIdentifier: device.clientIdentifier,
    version: '1.0',
    id: device.id,
    token,
    createdAt: Math.floor(device.createdAt / 1000),
    lastSeenAt: Math.floor(device.lastSeenAt / 1000),
    screenResolution: '',
    screenDensity: ''
  }))
  const container = { publicAddress: '203.0.113.7', size: entries.length, Device: entries }
  return xmlAnswer(200, toXml('MediaContainer', container, 'flat'))
}
