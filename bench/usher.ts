import { spawnSync } from 'node:child_process'
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { PASSWORD } from '../test/simulator/accounts.ts'
import { BOX_ID } from '../test/simulator/servers.ts'
import { freePort } from '../test/support/ports.ts'
import { settingsFor } from '../test/support/settings.ts'
import { type Contender, cookiesOf, type Surroundings } from './contender.ts'
import { besideOthers } from './cookies.ts'
import { ask, type Launched, launch, waitFor } from './process.ts'

export interface UsherOptions {
  /** The simulated plex.tv. */
  readonly plexUrl: string
  readonly machineIdentifier: string
  readonly login: string
  readonly password: string
  /** Base64url of 32 bytes; the same for all instances, so that they read each other's cookies. */
  readonly secret: string
}

const SERVER = fileURLToPath(new URL('../dist/src/server.js', import.meta.url))
const ROOT = fileURLToPath(new URL('../', import.meta.url))

/** What Usher needs: the simulator as plex.tv, one of its accounts, and a fresh session key. */
export function usherOptions(plexUrl: string): UsherOptions {
  return {
    plexUrl,
    machineIdentifier: BOX_ID,
    login: 'simuser',
    password: PASSWORD,
    secret: randomBytes(32).toString('base64url')
  }
}

/** Builds the service as it is shipped; throws if that fails. */
export function buildUsher(): void {
  const { status } = spawnSync('npm', ['run', '--silent', 'build'], {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit']
  })
  if (status !== 0 || !existsSync(SERVER)) throw new Error('npm run build failed')
}

/** The settings of an Usher on that port; the internal listener picks its own. */
export function usherSettings(
  port: number,
  { plexUrl, machineIdentifier, secret }: UsherOptions,
  upstream: string
): Record<string, string> {
  return {
    ...settingsFor({ plexUrl, pmsUrl: upstream }, port),
    USHER_SESSION_KEYS: `bench:${secret}`,
    USHER_PMS_MACHINE_ID: machineIdentifier,
    USHER_DRAIN: '1s'
  }
}

/** Settings that make it an OpenID provider for one app. */
export function openIdSettings(): Record<string, string> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const key = { ...privateKey.export({ format: 'jwk' }), kid: 'bench', alg: 'RS256', use: 'sig' }
  const secretHash = createHash('sha256').update(randomBytes(24)).digest('hex')
  return {
    USHER_OIDC_KEYS: JSON.stringify({ keys: [key] }),
    USHER_OIDC_CLIENTS: JSON.stringify([
      { id: 'app', redirectUris: ['https://app.example/callback'], secretHashes: [`sha256:${secretHash}`] }
    ])
  }
}

/** Starts the built service. */
export function launchUsher(
  port: number,
  options: UsherOptions,
  { cores, upstream }: Pick<Surroundings, 'cores' | 'upstream'>,
  settings: Readonly<Record<string, string>> = {}
): Launched {
  return launch({
    command: process.execPath,
    args: [SERVER],
    env: { NODE_ENV: 'production', ...usherSettings(port, options, upstream), ...settings },
    core: cores.proxy
  })
}

/** Usher as a contender: signs in by password and uses the cookies it received. */
export function usherContender(
  id: string,
  label: string,
  options: UsherOptions,
  settings: Readonly<Record<string, string>> = {}
): Contender {
  return {
    id,
    label,
    async start(surroundings) {
      const port = await freePort()
      const process_ = launchUsher(port, options, surroundings, settings)
      const origin = `http://127.0.0.1:${port}`
      await waitFor(`${origin}/healthz`)
      const { status, headers, body } = await ask(
        `${origin}/session/login`,
        { 'Content-Type': 'application/json', Origin: origin, 'Sec-Fetch-Site': 'same-origin' },
        { method: 'POST', body: JSON.stringify({ login: options.login, password: options.password }) }
      )
      if (status !== 201) throw new Error(`Usher refuses the sign-in with ${status}: ${body.toString()}`)
      return {
        id,
        url: `${origin}/pms`,
        cookie: besideOthers(cookiesOf(headers['set-cookie'])),
        pids: [process_.pid],
        stop: process_.stop
      }
    }
  }
}

/** Usher without a configured media server: people use their own. */
export function bringingContender(options: UsherOptions): Contender {
  return usherContender('usher-bringing', 'Usher without a configured server', options, {
    USHER_PMS_URL: '',
    USHER_PMS_MACHINE_ID: '',
    USHER_ACCESS: 'anyone'
  })
}
