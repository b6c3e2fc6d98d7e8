import * as oauth from 'oauth4webapi'
import * as openid from 'openid-client'
import t from 'tap'
import { ACCESS, GRANT_TYPE, SECRETS, SESSION, startDelegation, TRANSIENT } from '../../support/services.ts'

/** What a client threw. */
async function refusal(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => null,
    (error: unknown) => error
  )
}

t.test('oauth4webapi does exchange, introspection and revocation, unchanged', async (t) => {
  const { usher, works } = await startDelegation(t)
  const browser = await usher.signedIn()
  const server: oauth.AuthorizationServer = {
    issuer: usher.internalUrl,
    token_endpoint: `${usher.internalUrl}/tokens/delegated`,
    introspection_endpoint: `${usher.internalUrl}/tokens/introspect`,
    revocation_endpoint: `${usher.internalUrl}/tokens/revoke`
  }
  const client: oauth.Client = { client_id: 'full' }
  const auth = oauth.ClientSecretBasic(SECRETS.full)
  const insecure = { [oauth.allowInsecureRequests]: true }
  const exchange = async (parameters: Record<string, string>, secret = auth) => {
    const subject = { subject_token: browser.jar.get('usher') ?? '', subject_token_type: SESSION }
    const response = await oauth.genericTokenEndpointRequest(
      server,
      client,
      secret,
      GRANT_TYPE,
      { ...subject, ...parameters },
      insecure
    )
    return await oauth.processGenericTokenEndpointResponse(server, client, response, {
      // RFC 8693 §2.2.1: the type of a token that is not used as an OAuth access token.
      recognizedTokenTypes: { n_a: () => undefined }
    })
  }
  const introspect = async (token: string) =>
    oauth.processIntrospectionResponse(
      server,
      client,
      await oauth.introspectionRequest(server, client, auth, token, insecure)
    )

  const transient = await exchange({})
  t.match(transient, { token_type: 'n_a', issued_token_type: TRANSIENT, scope: 'all' })
  t.ok(await works(transient.access_token))
  t.strictSame(await introspect(transient.access_token), { active: false }, 'not a token of Usher')

  const scoped = await exchange({ requested_token_type: ACCESS, scope: 'pms:read', expires_in: '120' })
  t.match(scoped, { token_type: 'bearer', issued_token_type: ACCESS, scope: 'pms:read' })
  const told = await introspect(scoped.access_token)
  t.match(told, {
    active: true,
    client_id: 'full',
    sub: '13692262',
    scope: 'pms:read',
    token_type: 'Bearer',
    aud: `${usher.publicUrl}/pms`
  })
  t.ok(Number(told.exp) - Number(told.iat) === 120)

  const revoked = await oauth.revocationRequest(server, client, auth, scoped.access_token, insecure)
  t.equal(await oauth.processRevocationResponse(revoked), undefined)
  t.strictSame(await introspect(scoped.access_token), { active: false })

  t.match(await refusal(exchange({ scope: 'everything' })), { error: 'invalid_scope', status: 400 })
  t.match(await refusal(exchange({ subject_token: 'made-up' })), { error: 'invalid_grant', status: 400 })
  t.match(await refusal(exchange({}, oauth.ClientSecretBasic(SECRETS.idle))), { status: 401 })
})

t.test('openid-client does exchange, introspection and revocation, unchanged', async (t) => {
  const { usher, works } = await startDelegation(t)
  const browser = await usher.signedIn()
  const config = new openid.Configuration(
    {
      issuer: usher.internalUrl,
      token_endpoint: `${usher.internalUrl}/tokens/delegated`,
      introspection_endpoint: `${usher.internalUrl}/tokens/introspect`,
      revocation_endpoint: `${usher.internalUrl}/tokens/revoke`
    },
    'full',
    undefined,
    openid.ClientSecretBasic(SECRETS.full)
  )
  openid.allowInsecureRequests(config)
  const subject = { subject_token: browser.jar.get('usher') ?? '', subject_token_type: SESSION }
  const transient = await openid.genericGrantRequest(config, GRANT_TYPE, subject)
  t.match(transient, { token_type: 'n_a', issued_token_type: TRANSIENT })
  t.ok(await works(transient.access_token))
  const scoped = await openid.genericGrantRequest(config, GRANT_TYPE, {
    ...subject,
    requested_token_type: ACCESS
  })
  t.match(await openid.tokenIntrospection(config, scoped.access_token), { active: true, client_id: 'full' })
  const url = new URL(`${usher.publicUrl}/pms/library/sections`)
  t.equal((await openid.fetchProtectedResource(config, scoped.access_token, url, 'GET')).status, 200)
  await openid.tokenRevocation(config, scoped.access_token)
  t.match(await openid.tokenIntrospection(config, scoped.access_token), { active: false })
  const again = openid.fetchProtectedResource(config, scoped.access_token, url, 'GET')
  t.match(await refusal(again), { status: 401 })
  const other = openid.genericGrantRequest(config, 'client_credentials', {})
  t.match(await refusal(other), { error: 'unsupported_grant_type' })
})
