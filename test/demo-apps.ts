// Two small apps for `npm run demo`: one signs in by OpenID Connect, the other stands behind forward-auth.
import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import * as client from 'openid-client'

export interface DemoApp {
  readonly url: string
  readonly server: Server
}

interface Person {
  readonly name: string
  readonly groups: string
  readonly sid: string
}

function frame(title: string, markup: string, more = ''): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8">${more}<title>${title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>:root { color-scheme: light dark }
body { max-width: 34rem; margin: 12vh auto; padding: 0 1.5rem; font: 1.125rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere }</style>
<h1>${title}</h1><p>${markup}</p>`
}

/** Looks again by itself, so that one can watch a sign-out. */
function page(title: string, text: string): string {
  const escaped = text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`)
  return frame(title, escaped, '<meta http-equiv="refresh" content="2">')
}

function send(
  response: ServerResponse,
  status: number,
  body: string,
  headers: Record<string, string> = {}
): void {
  response.writeHead(status, { 'content-type': 'text/html; charset=utf-8', ...headers }).end(body)
}

async function bodyOf(message: IncomingMessage): Promise<string> {
  let body = ''
  for await (const chunk of message) body += String(chunk)
  return body
}

/** Notes, with a session of its own that a back-channel logout ends. */
export function startNotes(
  port: number,
  { issuer, id, secret }: { issuer: string; id: string; secret: string }
): DemoApp {
  const url = `http://127.0.0.1:${port}`
  const callback = `${url}/callback`
  const people = new Map<string, Person>()
  const underWay = new Map<string, { verifier: string; state: string }>()
  let known: client.Configuration | undefined

  async function provider(): Promise<client.Configuration> {
    known ??= await client.discovery(new URL(issuer), id, secret, undefined, {
      execute: [client.allowInsecureRequests]
    })
    return known
  }

  async function answer(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const here = new URL(message.url ?? '/', url)
    const cookie = /(?:^|; )notes=([\w-]+)/.exec(message.headers.cookie ?? '')?.[1] ?? ''
    if (here.pathname === '/backchannel-logout') {
      const token = new URLSearchParams(await bodyOf(message)).get('logout_token') ?? ''
      const keys = createRemoteJWKSet(new URL(`${issuer}/oidc/jwks`))
      const { payload } = await jwtVerify(token, keys, { issuer, audience: id, typ: 'logout+jwt' })
      for (const [key, { sid }] of people) if (sid === payload['sid']) people.delete(key)
      send(response, 204, '')
    } else if (here.pathname === '/callback') {
      const { verifier = '', state = '' } = underWay.get(cookie) ?? {}
      const tokens = await client.authorizationCodeGrant(await provider(), here, {
        pkceCodeVerifier: verifier,
        expectedState: state
      })
      const claims = tokens.claims()
      underWay.delete(cookie)
      people.set(cookie, {
        name: String(claims?.['name']),
        groups: [claims?.['groups']].flat().join(', '),
        sid: String(claims?.['sid'])
      })
      send(response, 303, '', { location: '/' })
    } else if (people.has(cookie)) {
      const person = people.get(cookie)
      send(response, 200, page('Notes', `Signed in as ${person?.name}, groups: ${person?.groups}.`))
    } else if (here.pathname === '/sign-in') {
      const [verifier, state] = [client.randomPKCECodeVerifier(), client.randomState()]
      const fresh = randomBytes(12).toString('base64url')
      underWay.set(fresh, { verifier, state })
      const target = client.buildAuthorizationUrl(await provider(), {
        redirect_uri: callback,
        scope: 'openid profile groups',
        code_challenge: await client.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
        state
      })
      send(response, 303, '', { location: target.href, 'set-cookie': `notes=${fresh}; HttpOnly; Path=/` })
    } else {
      send(response, 200, frame('Notes', 'Signed out. <a href="/sign-in">Sign in with Plex</a>'))
    }
  }

  const server = createServer((message, response) => {
    answer(message, response).catch((error: unknown) => send(response, 500, String(error)))
  })
  server.listen(port, '127.0.0.1')
  return { url, server }
}

/** Photos, which knows nothing of sign-ins: what stands before it asks Usher about every request, as a proxy does. */
export function startPhotos(port: number, { usher }: { usher: string }): DemoApp {
  const url = `http://127.0.0.1:${port}`
  const server = createServer((message, response) => {
    const check = request(
      `${usher}/session/verify?app=photos&redirect=1`,
      {
        headers: {
          cookie: message.headers.cookie ?? '',
          accept: message.headers.accept ?? '*/*',
          'x-forwarded-for': '127.0.0.1',
          'x-forwarded-proto': 'http',
          'x-forwarded-host': `127.0.0.1:${port}`,
          'x-forwarded-method': message.method ?? 'GET',
          'x-forwarded-uri': message.url ?? '/'
        }
      },
      (verdict) => {
        if (verdict.statusCode !== 204) {
          response.writeHead(verdict.statusCode ?? 403, verdict.headers)
          verdict.pipe(response)
          return
        }
        verdict.resume()
        const { 'remote-name': name, 'remote-groups': groups } = verdict.headers
        send(response, 200, page('Photos', `Let in as ${name}, groups: ${groups}.`))
      }
    )
    check.on('error', () => send(response, 503, 'Usher is away'))
    check.end()
  })
  server.listen(port, '127.0.0.1')
  return { url, server }
}
