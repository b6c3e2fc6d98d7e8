import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomUUID,
  sign,
  verify
} from 'node:crypto'
import type { SimAccount } from './accounts.ts'
import { isObject, type Json, type JsonObject } from './json.ts'
import type { Secrets } from './secrets.ts'
import type { Device } from './tokens.ts'

const NONCE_TTL_MS = 300_000
const JWT_TTL_S = 604_800

export interface RegisteredKey {
  readonly kid: string
  readonly key: KeyObject
  readonly algorithm: string
  readonly account: SimAccount
  readonly device: Device
}

export type ExchangeFailure = 'malformed' | 'signature' | 'expired' | 'issuer' | 'audience' | 'nonce'

/** plex.tv's device keys, nonces and its own signing keys (reference/plex.md#json-web-tokens). */
export interface JwtAuthority {
  nonce(clientIdentifier: string): string
  /** Sets the value of the next nonce. */
  presetNonce(nonce: string): void
  /** False if the key's `kid` is taken. */
  register(jwk: JsonObject, account: SimAccount, device: Device): boolean
  exchange(jwt: string): { readonly entry: RegisteredKey; readonly token: string } | ExchangeFailure
  /** Creates a new signing key; the previous one stays published. */
  rotate(): void
  keys(): JsonObject[]
  /** Publishes exactly these instead of its own. */
  publish(keys: JsonObject[]): void
  /** The account and expiry (epoch seconds) of a JWT that this authority issued; null for any other. */
  read(token: string): { readonly accountId: number; readonly exp: number } | null
}

export function createJwtAuthority(secrets: Secrets, now: () => number): JwtAuthority {
  const registry = new Map<string, RegisteredKey>()
  const nonces = new Map<string, { clientIdentifier: string; expiresAt: number }>()
  const signers = [createSigner()]
  let published: JsonObject[] | null = null
  let nextNonce: string | null = null

  const signPlexJwt = (entry: RegisteredKey, nonce: Json, scope: string): string => {
    const signer = signers[signers.length - 1] ?? createSigner()
    const iat = Math.floor(now() / 1000)
    const { account, device } = entry
    const payload = {
      nonce,
      thumbprint: entry.kid,
      iss: 'plex.tv',
      aud: ['plex.tv', device.clientIdentifier],
      iat,
      exp: iat + JWT_TTL_S,
      jti: secrets.mint('jwt'),
      user: claims(account, scope)
    }
    const head = `${encode({ kid: signer.kid, alg: 'EdDSA', typ: 'JWT' })}.${encode(payload)}`
    return secrets.keep(`${head}.${sign(null, Buffer.from(head), signer.privateKey).toString('base64url')}`)
  }
  return {
    nonce: (clientIdentifier) => {
      const nonce = nextNonce ?? randomUUID()
      nextNonce = null
      nonces.set(nonce, { clientIdentifier, expiresAt: now() + NONCE_TTL_MS })
      return nonce
    },
    presetNonce: (nonce) => {
      nextNonce = nonce
    },
    register: (jwk, account, device) => {
      const kid = typeof jwk['kid'] === 'string' ? jwk['kid'] : ''
      if (kid === '' || registry.has(kid)) return false
      const key = createPublicKey({ key: { ...jwk }, format: 'jwk' })
      registry.set(kid, { kid, key, algorithm: jwk['kty'] === 'RSA' ? 'RS256' : 'EdDSA', account, device })
      return true
    },
    exchange: (jwt) => {
      const parts = decode(jwt)
      if (!parts) return 'malformed'
      const entry = registry.get(String(parts.header['kid']))
      if (!entry || parts.header['alg'] !== entry.algorithm) return 'signature'
      const digest = entry.algorithm === 'RS256' ? 'sha256' : null
      if (!verify(digest, Buffer.from(parts.signed), entry.key, parts.signature)) return 'signature'
      if (parts.payload['iss'] !== entry.device.clientIdentifier) return 'issuer'
      if (parts.payload['aud'] !== 'plex.tv') return 'audience'
      if (Number(parts.payload['exp']) * 1000 <= now()) return 'expired'
      const nonce = String(parts.payload['nonce'])
      const known = nonces.get(nonce)
      nonces.delete(nonce)
      if (!known || known.expiresAt <= now() || known.clientIdentifier !== entry.device.clientIdentifier)
        return 'nonce'
      const scope = String(parts.payload['scope'] ?? '')
      return { entry, token: signPlexJwt(entry, parts.payload['nonce'] ?? null, scope) }
    },
    rotate: () => {
      signers.push(createSigner())
    },
    keys: () => published ?? signers.map((signer) => signer.jwk),
    publish: (keys) => {
      published = keys
    },
    read: (token) => {
      const parts = decode(token)
      const signer = signers.find(({ kid }) => kid === parts?.header['kid'])
      if (!parts || !signer || !verify(null, Buffer.from(parts.signed), signer.publicKey, parts.signature))
        return null
      const user = parts.payload['user']
      return { accountId: isObject(user) ? Number(user['id']) : 0, exp: Number(parts.payload['exp']) }
    }
  }
}

function createSigner() {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const { x = '' } = publicKey.export({ format: 'jwk' })
  const thumbprint = JSON.stringify({ crv: 'Ed25519', kty: 'OKP', x })
  const kid = createHash('sha256').update(thumbprint).digest('base64url')
  const jwk: JsonObject = { kty: 'OKP', crv: 'Ed25519', x, use: 'sig', alg: 'EdDSA', kid }
  return { privateKey, publicKey, kid, jwk }
}

function claims(account: SimAccount, scope: string): JsonObject {
  const scopes = scope.split(',').map((part) => part.trim())
  const optional: Record<string, Json> = {
    username: account.username,
    email: account.email,
    friendly_name: account.friendlyName === '' ? null : account.friendlyName,
    restricted: account.home === 'managed',
    anonymous: false,
    joinedAt: 1_339_124_759
  }
  const chosen = Object.entries(optional).filter(([name]) => scopes.includes(name))
  return { id: account.id, uuid: account.uuid, ...Object.fromEntries(chosen) }
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function decode(jwt: string) {
  const [head = '', body = '', signature = '', ...rest] = jwt.split('.')
  if (rest.length > 0 || signature === '') return null
  try {
    const header: unknown = JSON.parse(Buffer.from(head, 'base64url').toString('utf8'))
    const payload: unknown = JSON.parse(Buffer.from(body, 'base64url').toString('utf8'))
    if (!isObject(header) || !isObject(payload)) return null
    return { header, payload, signed: `${head}.${body}`, signature: Buffer.from(signature, 'base64url') }
  } catch {
    // Not a JWT: the caller sends 400.
    return null
  }
}
