import type { Answer } from '../answer.ts'
import { isObject } from '../json.ts'
import type { SimRequest } from '../request.ts'
import type { Route } from '../router.ts'
import type { World } from '../world.ts'
import { withCaller } from './caller.ts'
import { jsonAnswer, plexError } from './reply.ts'

/** Device keys, nonces and the exchange for a Plex JWT (reference/plex.md#json-web-tokens). */
export function jwtRoutes(world: World): Route[] {
  return [
    ['GET', '/api/v2/auth/keys', () => jsonAnswer(200, { keys: world.jwt.keys() })],
    [
      'GET',
      '/api/v2/auth/nonce',
      (request) => {
        const clientIdentifier = request.plex('Client-Identifier')
        // The only version 2 endpoint that was seen to answer 422 here instead of 400.
        if (clientIdentifier === undefined) return plexError(request, 1008)
        if (world.limits.exceeds('nonces', clientIdentifier)) return plexError(request, 1003)
        return jsonAnswer(200, { nonce: world.jwt.nonce(clientIdentifier) })
      }
    ],
    [
      'POST',
      '/api/v2/auth/jwk',
      withCaller(world, (request, { account, device }) => {
        const jwk = isObject(request.json) ? request.json['jwk'] : undefined
        if (!isObject(jwk) || typeof jwk['kid'] !== 'string') return plexError(request, 1004)
        // The key belongs to the token's device, whatever client identifier the header names.
        if (world.jwt.register(jwk, account, device)) return jsonAnswer(201, {})
        return plexError(request, 1008, { message: 'Thumbprint Already Taken' })
      })
    ],
    [
      'POST',
      '/api/v2/auth/token',
      (request) => {
        const jwt = isObject(request.json) ? request.json['jwt'] : undefined
        if (typeof jwt !== 'string') return plexError(request, 1004)
        const token = exchange(world, request, jwt)
        return typeof token === 'string' ? jsonAnswer(200, { auth_token: token }) : token
      }
    ]
  ]
}

/** The Plex JWT, which replaces the device's token; or the error. */
export function exchange(world: World, request: SimRequest, jwt: string): string | Answer {
  const result = world.jwt.exchange(jwt)
  switch (result) {
    case 'malformed':
      return plexError(request, 1004)
    case 'expired':
      return plexError(request, 1001, { status: 498, message: 'Token Expired' })
    case 'issuer':
      return plexError(request, 1097)
    case 'signature':
    case 'audience':
    case 'nonce':
      return plexError(request, 1008, { message: 'Signature Verification Failed' })
    default:
      world.tokens.replace(result.entry.account, result.entry.device, result.token)
      return result.token
  }
}
