import type { Answer } from '../answer.ts'
import { isObject, type JsonObject } from '../json.ts'
import type { Pin } from '../pins.ts'
import type { SimRequest } from '../request.ts'
import type { Route } from '../router.ts'
import type { World } from '../world.ts'
import { withCaller } from './caller.ts'
import { exchange } from './jwt.ts'
import { plexError, plexReply } from './reply.ts'

// Where plex.tv locates the caller of the API (not the browser).
const LOCATION: JsonObject = {
  code: 'GB',
  european_union_member: false,
  continent_code: 'EU',
  country: 'United Kingdom',
  city: 'London',
  time_zone: 'Europe/London',
  postal_code: 'N19',
  in_privacy_restricted_country: true,
  in_privacy_restricted_region: true,
  subdivisions: 'England',
  coordinates: '51.5, -0.1'
}

/** PIN sign-in and link codes (reference/plex.md#pins). */
export function pinRoutes(world: World): Route[] {
  const create = (request: SimRequest): Answer => {
    const clientIdentifier = request.plex('Client-Identifier') ?? ''
    if (world.pins.createdBy(clientIdentifier) >= world.limits.settings.pins) return plexError(request, 1003)
    const jwk = isObject(request.json) && isObject(request.json['jwk']) ? request.json['jwk'] : null
    const pin = world.pins.create({
      clientIdentifier,
      product: request.plex('Product') ?? '0',
      strong: ['true', '1', 'True'].includes(request.field('strong') ?? ''),
      jwk
    })
    return plexReply(request, 201, 'pin', pinDocument(world, pin))
  }
  const poll = (request: SimRequest): Answer => {
    const pin = world.pins.find(request.params['id'] ?? '')
    if (!pin || pin.clientIdentifier !== request.plex('Client-Identifier')) {
      return plexError(request, 1020, { status: world.modes.unknownPin })
    }
    const deviceJwt = request.query.get('deviceJWT')
    if (pin.jwk === null || pin.claimedBy === null || deviceJwt === null) {
      return plexReply(request, 200, 'pin', pinDocument(world, pin))
    }
    const exchanged = exchangePin(world, request, pin, deviceJwt)
    return typeof exchanged === 'string'
      ? plexReply(request, 200, 'pin', { ...pinDocument(world, pin), authToken: exchanged })
      : exchanged
  }
  return [
    ['POST', '/api/v2/pins', create],
    [
      'PUT',
      '/api/v2/pins/link',
      withCaller(world, (request, { account }) =>
        world.pins.claim(request.field('code') ?? '', account.key)
          ? { status: 204 }
          : plexError(request, 1020, { status: world.modes.unknownPin })
      )
    ],
    ['GET', '/api/v2/pins/{id}', poll]
  ]
}

/** Registers the PIN's key for the device that was signed in, then exchanges the device JWT. */
function exchangePin(world: World, request: SimRequest, pin: Pin, jwt: string): string | Answer {
  const account = pin.claimedBy === null ? undefined : world.accounts.get(pin.claimedBy)
  const device = account && world.tokens.device(account.id, pin.clientIdentifier)
  if (!account || !device || !pin.jwk) return plexError(request, 1001)
  // On a second poll the key is already registered.
  if (isObject(pin.jwk)) world.jwt.register(pin.jwk, account, device)
  return exchange(world, request, jwt)
}

export function pinDocument(world: World, pin: Pin): JsonObject {
  return {
    id: pin.id,
    code: pin.code,
    product: pin.product,
    trusted: false,
    qr: `https://plex.tv/api/v2/pins/qr/${pin.code}`,
    clientIdentifier: pin.clientIdentifier,
    location: LOCATION,
    expiresIn: Math.max(0, Math.floor((pin.expiresAt - world.clock.now()) / 1000)),
    createdAt: isoSeconds(pin.createdAt),
    expiresAt: isoSeconds(pin.expiresAt),
    // With a key on the PIN the legacy token is never returned.
    authToken: pin.jwk === null ? pin.authToken : null,
    newRegistration: pin.claimedBy === null ? null : false
  }
}

export function isoSeconds(epochMs: number): string {
  return `${new Date(epochMs).toISOString().slice(0, 19)}Z`
}
