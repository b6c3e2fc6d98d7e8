import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'
import * as oauth from 'oauth4webapi'
import * as client from 'openid-client'
import t from 'tap'
import { startBackChannel } from '../support/back-channel.ts'
import { until } from '../support/until.ts'
import { FRIEND, OWNER } from '../support/usher.ts'
import { reserveParty, SECRET, serveParty, startProvider } from './support/relying-party.ts'

const CALLBACK = 'https://app.example/callback'
const load = createRequire(import.meta.url)

type Done = (error: null, user: object) => void

t.test(
  'openid-client: code with PKCE, nonce and max_age, userinfo, refresh, revocation, logout',
  async (t) => {
    const channel = await startBackChannel(t)
    const { usher, issuer, signIn } = await startProvider(t, {
      redirectUris: [CALLBACK],
      postLogoutRedirectUris: ['https://app.example/'],
      backchannelLogoutUri: channel.uri,
      refresh: true
    })
    const visitor = await signIn(OWNER)
    const config = await client.discovery(new URL(issuer), 'party', SECRET, undefined, {
      execute: [client.allowInsecureRequests]
    })
    const verifier = client.randomPKCECodeVerifier()
    const [nonce, state] = [client.randomNonce(), client.randomState()]
    const url = client.buildAuthorizationUrl(config, {
      redirect_uri: CALLBACK,
      scope: 'openid profile email groups',
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      nonce,
      state,
      max_age: '300'
    })
    const back = (await visitor.ask(url.href)).headers.location ?? ''
    const tokens = await client.authorizationCodeGrant(config, new URL(back), {
      pkceCodeVerifier: verifier,
      expectedNonce: nonce,
      expectedState: state,
      maxAge: 300,
      idTokenExpected: true
    })
    const claims = tokens.claims()
    t.match(claims, { preferred_username: 'simuser', email_verified: true, auth_time: Number })
    const info = await client.fetchUserInfo(config, tokens.access_token, claims?.sub ?? '')
    t.strictSame(info['groups'], claims?.['groups'])
    const fresh = await client.refreshTokenGrant(config, tokens.refresh_token ?? '')
    t.equal(fresh.claims()?.sub, claims?.sub)
    const logout = client.buildEndSessionUrl(config, {
      id_token_hint: tokens.id_token ?? '',
      post_logout_redirect_uri: 'https://app.example/',
      state: 'bye'
    })
    await client.tokenRevocation(config, fresh.refresh_token ?? tokens.refresh_token ?? '')
    const refused = await client
      .refreshTokenGrant(config, tokens.refresh_token ?? '')
      .catch((error: unknown) => error)
    t.match(refused, { error: 'invalid_grant' })
    const left = await visitor.ask(logout.href)
    t.equal(left.headers.location, 'https://app.example/?state=bye')
    t.equal(usher.core.metrics !== undefined && channel.asked, 0, 'it asked for it itself')
  }
)

t.test('oauth4webapi: both documents, and the checks of RFC 9207 and OpenID Connect', async (t) => {
  const { issuer, signIn } = await startProvider(t, { redirectUris: [CALLBACK], secret: null })
  const visitor = await signIn(FRIEND)
  const insecure = { [oauth.allowInsecureRequests]: true } as const
  const url = new URL(issuer)
  for (const algorithm of ['oidc', 'oauth2'] as const) {
    const response = await oauth.discoveryRequest(url, { ...insecure, algorithm })
    const server = await oauth.processDiscoveryResponse(url, response)
    t.equal(server.issuer, issuer)
    const party = { client_id: 'party' }
    const verifier = oauth.generateRandomCodeVerifier()
    const [nonce, state] = [oauth.generateRandomNonce(), oauth.generateRandomState()]
    const query = new URLSearchParams({
      client_id: party.client_id,
      redirect_uri: CALLBACK,
      response_type: 'code',
      scope: 'openid profile',
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
      nonce,
      state
    })
    const answer = await visitor.ask(`${server.authorization_endpoint}?${query}`)
    const params = oauth.validateAuthResponse(server, party, new URL(answer.headers.location ?? ''), state)
    const token = await oauth.authorizationCodeGrantRequest(
      server,
      party,
      oauth.None(),
      params,
      CALLBACK,
      verifier,
      insecure
    )
    const result = await oauth.processAuthorizationCodeResponse(server, party, token, {
      expectedNonce: nonce,
      requireIdToken: true
    })
    await oauth.validateApplicationLevelSignature(server, token, insecure)
    const sub = oauth.getValidatedIdTokenClaims(result)?.sub ?? ''
    const info = await oauth.userInfoRequest(server, party, result.access_token, insecure)
    t.match(await oauth.processUserInfoResponse(server, party, sub, info), { sub, name: 'friend' })
  }
})

t.test('express-openid-connect: told of a sign-out it is anonymous at once', async (t) => {
  const { default: express } = await import('express')
  const { auth, requiresAuth } = (await import('express-openid-connect')).default
  const party = await reserveParty()
  const { issuer, signIn, usher } = await startProvider(t, {
    redirectUris: [`${party.url}/callback`],
    postLogoutRedirectUris: [party.url, `${party.url}/`],
    backchannelLogoutUri: `${party.url}/backchannel-logout`
  })
  const sessions = new Map<string, unknown>()
  const store = {
    get: (id: string, done: (error: unknown, session?: unknown) => void) => done(null, sessions.get(id)),
    set: (id: string, session: unknown, done: (error?: unknown) => void) => {
      sessions.set(id, session)
      done()
    },
    destroy: (id: string, done: (error?: unknown) => void) => {
      sessions.delete(id)
      done()
    }
  }
  const app = express()
  app.use(
    auth({
      issuerBaseURL: issuer,
      baseURL: party.url,
      clientID: 'party',
      clientSecret: SECRET,
      secret: 'a-session-secret-of-the-app-0123456789',
      authRequired: false,
      idpLogout: true,
      clientAuthMethod: 'client_secret_basic',
      httpTimeout: 60_000,
      authorizationParams: { response_type: 'code', scope: 'openid profile email groups' },
      backchannelLogout: { store: store as never }
    } as Parameters<typeof auth>[0])
  )
  app.get('/me', requiresAuth(), (request, response) => {
    response.json((request as unknown as { oidc: { user: unknown } }).oidc.user)
  })
  app.get('/', (request, response) => {
    response.send(
      (request as unknown as { oidc: { isAuthenticated(): boolean } }).oidc.isAuthenticated() ? 'in' : 'out'
    )
  })
  await serveParty(t, party, app)
  const visitor = await signIn(OWNER)
  const me = await visitor.go(`${party.url}/me`)
  t.equal(me.status, 200, me.text)
  t.match(JSON.parse(me.text), { preferred_username: 'simuser', groups: ['owner'] })
  t.equal((await visitor.go(party.url)).text, 'in')
  await visitor.ask(`${usher.publicUrl}/session/logout`, {
    method: 'POST',
    headers: { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors' }
  })
  await until(async () => (await visitor.go(party.url)).text === 'out', 'the app hears of it')

  const again = await signIn(FRIEND)
  await again.go(`${party.url}/me`)
  const left = await again.go(`${party.url}/logout`)
  t.equal(left.text, 'out')
  t.ok(left.way.some((url) => url.startsWith(`${issuer}/oidc/logout?`)))
  const session = await again.ask(`${usher.publicUrl}/session`)
  t.equal(session.status, 401, 'its own sign-out ends Usher’s session')
})

t.test('passport-openidconnect: without PKCE, endpoints typed in, userinfo read', async (t) => {
  const { default: express } = await import('express')
  // Without types of their own.
  const [session, passport, { Strategy }] = ['express-session', 'passport', 'passport-openidconnect'].map(
    load
  )
  const party = await reserveParty()
  const { issuer, signIn } = await startProvider(t, {
    redirectUris: [`${party.url}/callback`],
    pkce: 'optional'
  })
  const strategy = new Strategy(
    {
      issuer,
      authorizationURL: `${issuer}/oidc/auth`,
      tokenURL: `${issuer}/oidc/token`,
      userInfoURL: `${issuer}/oidc/userinfo`,
      clientID: 'party',
      clientSecret: SECRET,
      callbackURL: `${party.url}/callback`,
      scope: ['profile', 'email']
    },
    (_issuer: string, profile: object, done: Done) => done(null, profile)
  )
  const authenticator = new passport.Passport()
  authenticator.use('plex', strategy)
  authenticator.serializeUser((user: object, done: Done) => done(null, user))
  authenticator.deserializeUser((user: object, done: Done) => done(null, user))
  const app = express()
  app.use(session({ secret: 'x'.repeat(32), resave: false, saveUninitialized: false }))
  app.use(authenticator.initialize())
  app.use(authenticator.session())
  app.get('/login', authenticator.authenticate('plex'))
  app.get('/callback', authenticator.authenticate('plex', { successRedirect: '/me', failureRedirect: '/no' }))
  app.get('/me', (request, response) => {
    response.json((request as { user?: unknown }).user ?? null)
  })
  app.get('/no', (_request, response) => {
    response.status(403).send('refused')
  })
  await serveParty(t, party, app)
  const me = await (await signIn(OWNER)).go(`${party.url}/login`)
  t.match(
    JSON.parse(me.text),
    { username: 'simuser', emails: [{ value: 'sim@example.com' }] },
    me.way.join(' → ')
  )
})

t.test('@fastify/oauth2: by discovery, with PKCE', async (t) => {
  const { fastify } = await import('fastify')
  const { default: oauth2 } = await import('@fastify/oauth2')
  const party = await reserveParty()
  const { issuer, signIn } = await startProvider(t, { redirectUris: [`${party.url}/callback`] })
  const app = fastify()
  t.teardown(() => app.close())
  await app.register(oauth2, {
    name: 'plex',
    scope: ['openid', 'profile'],
    credentials: { client: { id: 'party', secret: SECRET } },
    startRedirectPath: '/login',
    callbackUri: `${party.url}/callback`,
    discovery: { issuer },
    pkce: 'S256',
    cookie: { secure: false }
  } as never)
  interface Grant {
    plex: {
      getAccessTokenFromAuthorizationCodeFlow(request: unknown): Promise<{ token: { access_token: string } }>
      userinfo(token: string): Promise<unknown>
    }
  }
  app.get('/callback', async (request) => {
    const { plex } = app as unknown as Grant
    const { token } = await plex.getAccessTokenFromAuthorizationCodeFlow(request)
    return plex.userinfo(token.access_token)
  })
  await app.listen({ port: party.port, host: 'localhost' })
  const me = await (await signIn(OWNER)).go(`${party.url}/login`)
  t.match(JSON.parse(me.text), { preferred_username: 'simuser' }, me.text)
})

t.test('@auth/core: type oidc with PKCE, state and nonce', async (t) => {
  const { Auth } = await import('@auth/core')
  const party = await reserveParty()
  const { issuer, signIn } = await startProvider(t, { redirectUris: [`${party.url}/auth/callback/plex`] })
  const config = {
    secret: 'y'.repeat(32),
    trustHost: true,
    basePath: '/auth',
    providers: [
      {
        id: 'plex',
        name: 'Plex',
        type: 'oidc' as const,
        issuer,
        clientId: 'party',
        clientSecret: SECRET,
        checks: ['pkce' as const, 'state' as const, 'nonce' as const]
      }
    ],
    logger: { error: (error: Error) => t.comment(String(error.cause ?? error)) }
  }
  await serveParty(t, party, (incoming, outgoing) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', async () => {
      const headers = new Headers()
      for (const [name, value] of Object.entries(incoming.headers)) headers.set(name, String(value))
      const hasBody = incoming.method === 'POST'
      const response = await Auth(
        new Request(`${party.url}${incoming.url}`, {
          method: incoming.method ?? 'GET',
          headers,
          ...(hasBody && { body: Buffer.concat(chunks) })
        }),
        config
      )
      outgoing.statusCode = response.status
      for (const [name, value] of response.headers) if (name !== 'set-cookie') outgoing.setHeader(name, value)
      outgoing.setHeader('set-cookie', response.headers.getSetCookie())
      outgoing.end(Buffer.from(await response.arrayBuffer()))
    })
  })
  const visitor = await signIn(OWNER)
  const { csrfToken } = JSON.parse((await visitor.ask(`${party.url}/auth/csrf`)).text)
  await visitor.go(`${party.url}/auth/signin/plex`, {
    method: 'POST',
    form: { csrfToken, callbackUrl: `${party.url}/auth/session` }
  })
  const session = await visitor.ask(`${party.url}/auth/session`)
  t.match(JSON.parse(session.text), { user: { name: 'simuser', email: 'sim@example.com' } }, session.text)
})
