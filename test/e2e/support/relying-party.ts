import type { Server } from 'node:http'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { hashSecret } from '../../../src/config/secret-hashes.ts'
import { KEYS } from '../../support/openid.ts'
import { freePort } from '../../support/ports.ts'
import { PASSWORD, startTestUsher, type TestUsher } from '../../support/usher.ts'
import { createVisitor, type Visitor } from '../../support/visitor.ts'

export const SECRET = 'a-secret_of-a-relying-party-01'

export interface Party {
  /** Where the app is, without a slash at its end. */
  readonly url: string
  readonly port: number
}

/** An address for an app, known before it is started: its client needs it. */
export async function reserveParty(host = 'localhost'): Promise<Party> {
  const port = await freePort()
  return { url: `http://${host}:${port}`, port }
}

export interface ProviderStage {
  readonly usher: TestUsher
  readonly issuer: string
  /** A browser that is signed in at Usher. */
  signIn(login: string): Promise<Visitor>
}

/** Usher as provider for one app, described as an entry of USHER_OIDC_CLIENTS without its hash. */
export async function startProvider(
  t: Test,
  client: Readonly<Record<string, unknown>>,
  settings: Record<string, string> = {}
): Promise<ProviderStage> {
  const { secret = SECRET, ...entry } = client as { secret?: string | null }
  const clients = [{ id: 'party', ...(secret !== null && { secretHashes: [hashSecret(secret)] }), ...entry }]
  const usher = await startTestUsher(t, {
    settings: { USHER_OIDC_CLIENTS: JSON.stringify(clients), USHER_OIDC_KEYS: KEYS, ...settings }
  })
  return {
    usher,
    issuer: usher.settings['USHER_PUBLIC_URL'] ?? '',
    async signIn(login) {
      const visitor = createVisitor()
      const answer = await visitor.ask(`${usher.publicUrl}/session/login`, {
        method: 'POST',
        body: JSON.stringify({ login, password: PASSWORD }),
        headers: {
          'content-type': 'application/json',
          'sec-fetch-site': 'same-origin',
          'sec-fetch-mode': 'cors'
        }
      })
      if (answer.status !== 201) throw new Error(`sign-in answered ${answer.status}`)
      return visitor
    }
  }
}

/** Serves an app that is a request listener (Express and the like). */
export async function serveParty(t: Test, { port }: Party, listener: RequestListener): Promise<Server> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(port, resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  if ((server.address() as AddressInfo).port !== port) throw new Error('another port')
  return server
}
