import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import type { Answer, Browser } from './browser.ts'
import type { Json } from './json.ts'
import { startTestUsher, type TestUsher, type TestUsherOptions } from './usher.ts'

export interface TestClient {
  readonly id: string
  readonly secret?: string
  readonly redirectUris?: readonly string[]
  readonly [member: string]: unknown
}

export interface Tokens {
  readonly access_token: string
  readonly id_token: string
  readonly refresh_token?: string
  readonly scope: string
}

export const CALLBACK = 'https://app.example/callback'
export const SECRET = 'a-secret-of-an-app-0123456789'

export const KEYS = JSON.stringify({ keys: [makeKey('RS256', 'r1'), makeKey('ES256', 'e1')] })

export function makeKey(alg: 'RS256' | 'ES256', kid: string): object {
  const { privateKey } =
    alg === 'RS256'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { ...privateKey.export({ format: 'jwk' }), kid, alg, use: 'sig' }
}

export function toClients(clients: readonly TestClient[]): string {
  return JSON.stringify(
    clients.map(({ secret, ...client }) => ({
      redirectUris: [CALLBACK],
      ...(secret !== undefined && { secretHashes: [hashOf(secret)] }),
      ...client
    }))
  )
}

export const hashOf = (secret: string): string =>
  `sha256:${createHash('sha256').update(secret).digest('hex')}`

/** An Usher that is an OpenID provider for these apps. */
export function startOpenId(
  t: Test,
  clients: readonly TestClient[],
  options: TestUsherOptions = {}
): Promise<TestUsher> {
  return startTestUsher(t, {
    ...options,
    settings: { USHER_OIDC_CLIENTS: toClients(clients), USHER_OIDC_KEYS: KEYS, ...options.settings }
  })
}

export interface AuthRequest {
  readonly path: string
  readonly verifier: string
  readonly state: string
  readonly nonce: string
}

export function authRequest(clientId: string, params: Record<string, string | undefined> = {}): AuthRequest {
  const verifier = randomBytes(32).toString('base64url')
  const [state, nonce] = [randomBytes(8).toString('hex'), randomBytes(8).toString('hex')]
  const query = new URLSearchParams()
  const all = {
    client_id: clientId,
    response_type: 'code',
    redirect_uri: CALLBACK,
    scope: 'openid profile email groups',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    state,
    nonce,
    ...params
  }
  for (const [name, value] of Object.entries(all)) if (value !== undefined) query.set(name, value)
  return { path: `/oidc/auth?${query}`, verifier, state, nonce }
}

/** A navigation to an app's authorization request, as a browser makes it from the app's page. */
export function navigate(browser: Browser, path: string): Promise<Answer> {
  return browser.get(path, {
    'sec-fetch-site': 'cross-site',
    'sec-fetch-mode': 'navigate',
    'sec-fetch-dest': 'document',
    accept: 'text/html'
  })
}

/** The code of somebody who is signed in already. */
export async function getCode(browser: Browser, request: AuthRequest): Promise<string> {
  const answer = await navigate(browser, request.path)
  const location = new URL(answer.headers.location ?? 'about:blank')
  const code = location.searchParams.get('code')
  if (code === null) throw new Error(`no code: ${answer.status} ${location} ${answer.text.slice(0, 400)}`)
  return code
}

export interface App {
  readonly id: string
  readonly secret?: string
}

/** Asks one of the endpoints that apps' servers use. */
export function post(
  usher: TestUsher,
  path: string,
  body: Record<string, string>,
  headers: Record<string, string> = {}
): Promise<Answer> {
  return usher.browser().ask(path, {
    method: 'POST',
    body: new URLSearchParams(body).toString(),
    anonymous: true,
    headers: { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': undefined, ...headers }
  })
}

export function basic({ id, secret = '' }: App): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` }
}

export function redeem(
  usher: TestUsher,
  app: App,
  code: string,
  { verifier }: Pick<AuthRequest, 'verifier'>
): Promise<Answer> {
  const body = { grant_type: 'authorization_code', code, redirect_uri: CALLBACK, code_verifier: verifier }
  return app.secret === undefined
    ? post(usher, '/oidc/token', { ...body, client_id: app.id })
    : post(usher, '/oidc/token', body, basic(app))
}

/** A whole sign-in of somebody who is signed in at Usher. */
export async function enter(
  usher: TestUsher,
  browser: Browser,
  app: App,
  params: Record<string, string | undefined> = {}
): Promise<Tokens> {
  const request = authRequest(app.id, params)
  const answer = await redeem(usher, app, await getCode(browser, request), request)
  if (answer.status !== 200) throw new Error(`no tokens: ${answer.status} ${answer.text}`)
  return answer.json as Tokens
}

export function refresh(usher: TestUsher, app: App, token: string | undefined): Promise<Answer> {
  const body = { grant_type: 'refresh_token', refresh_token: token ?? '' }
  return app.secret === undefined
    ? post(usher, '/oidc/token', { ...body, client_id: app.id })
    : post(usher, '/oidc/token', body, basic(app))
}

export function userinfo(usher: TestUsher, token: string): Promise<Answer> {
  return usher.browser().get('/oidc/userinfo', {
    authorization: `Bearer ${token}`,
    'sec-fetch-site': undefined
  })
}

export function claimsOf(jwt: string): Json {
  return JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString())
}
