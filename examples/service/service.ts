// An app behind Usher's forward-auth that acts at the media server in the person's name, and holds no token of anybody.
import { createServer, type IncomingMessage, type Server } from 'node:http'
import * as openid from 'openid-client'

export interface ServiceOptions {
  /** Usher's public URL, or how this service reaches the public listener, and its internal listener. */
  readonly usherUrl: string
  readonly internalUrl: string
  /** What `--generate-service` printed; the service needs the grant `scoped`. */
  readonly id: string
  readonly secret: string
}

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const MINUTE_S = 60

/** `GET /`: what the person watches next. `POST /watched/{key}`: marks it as watched, as that person. */
export function createService({ usherUrl, internalUrl, id, secret }: ServiceOptions): Server {
  const server = { issuer: internalUrl, token_endpoint: `${internalUrl}/tokens/delegated` }
  const usher = new openid.Configuration(server, id, undefined, openid.ClientSecretBasic(secret))
  // The internal listener speaks plain HTTP on a private network.
  openid.allowInsecureRequests(usher)

  /** Asks the media server as the person whom the assertion names: with a token for this path, for a minute. */
  async function askAs(assertion: string, path: string): Promise<Response> {
    const { access_token: token } = await openid.genericGrantRequest(usher, EXCHANGE, {
      subject_token: assertion,
      subject_token_type: 'urn:usher:params:oauth:token-type:assertion',
      requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      scope: 'pms:read',
      resource: path.split('?', 1)[0] ?? path,
      expires_in: String(MINUTE_S)
    })
    const headers = { authorization: `Bearer ${token}`, accept: 'application/json' }
    return fetch(`${usherUrl}/pms${path}`, { headers, signal: AbortSignal.timeout(10_000) })
  }

  async function answer({ method, url, headers }: IncomingMessage): Promise<[status: number, body: string]> {
    const assertion = headers['x-usher-assertion']
    // Usher seals it for this service alone, and the exchange checks it: a forged one gets no token.
    if (typeof assertion !== 'string' || assertion === '') return [401, 'Not signed in.\n']
    const key = /^\/watched\/(\d+)$/.exec(url ?? '')?.[1]
    if (method === 'GET' && url === '/') {
      const response = await askAs(assertion, '/library/onDeck')
      if (!response.ok) return [response.status, 'The media server did not answer.\n']
      const { MediaContainer } = (await response.json()) as {
        MediaContainer: { Metadata?: { ratingKey: string; title: string }[] }
      }
      return [
        200,
        (MediaContainer.Metadata ?? []).map(({ ratingKey, title }) => `${ratingKey} ${title}\n`).join('')
      ]
    }
    if (method !== 'POST' || key === undefined) return [404, 'Not found.\n']
    // The browser sends the session's cookie along from other sites of the domain too.
    if (headers['sec-fetch-site'] !== 'same-origin') return [403, 'Not from this page.\n']
    const path = `/:/scrobble?key=${key}&identifier=com.plexapp.plugins.library`
    const { status } = await askAs(assertion, path)
    return status === 200 ? [200, 'Done.\n'] : [status, 'The media server refused.\n']
  }

  return createServer((request, response) => {
    void answer(request)
      .catch((error: unknown): [number, string] => {
        const isRefused = error instanceof openid.ResponseBodyError && error.error === 'invalid_grant'
        return isRefused ? [401, 'Sign in again.\n'] : [503, 'Try again later.\n']
      })
      .then(([status, body]) => {
        response
          .writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' })
          .end(body)
      })
  })
}

if (import.meta.main) {
  const {
    USHER_URL: usherUrl = '',
    USHER_INTERNAL_URL: internalUrl = '',
    ID: id = '',
    SECRET: secret = ''
  } = process.env
  createService({ usherUrl, internalUrl, id, secret }).listen(3000)
}
