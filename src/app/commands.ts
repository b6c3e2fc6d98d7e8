import { randomBytes } from 'node:crypto'
import packageJson from '../../package.json' with { type: 'json' }
import { type Config, ConfigError, loadConfig } from '../config/config.ts'
import type { Environment } from '../config/environment.ts'
import { isDotEnvHere } from '../config/files.ts'
import { hashSecret } from '../config/secret-hashes.ts'
import { isServiceId } from '../config/services.ts'
import { weakness } from '../config/weakness.ts'
import { type CommandResult, failed, printed } from './command-result.ts'
import { linkOwner } from './link-owner.ts'
import { explainStartFailure } from './start-error.ts'
import { rehearseStart } from './usher.ts'

export interface CommandOptions {
  /** The arguments after the program's name. */
  readonly argv: readonly string[]
  readonly env: Environment
  /** Epoch milliseconds. */
  readonly now: () => number
  /** For what must be read before the command ends. */
  readonly print: (text: string) => void
}

const USAGE = `usage: node dist/src/server.js [command]
  (none)                   start both listeners, configured by USHER_* variables
  --check-config           check the configuration; exit 0 or 1
  --generate-key           print a fresh key for USHER_SESSION_KEYS
  --generate-service NAME  print a secret for an internal service and its entry for USHER_SERVICES
  --generate-oidc-key      print a key set for USHER_OIDC_KEYS: the one that is set, with a fresh key at its end
  --generate-oidc-client PRESET URL
                           print an app's entry for USHER_OIDC_CLIENTS, and what to type into the app
  --link-owner             get the owner's token by a code for plex.tv/link, into USHER_PLEX_TOKEN_FILE
  --version                print the version
  --help                   print this
`

/** Runs the command that the arguments name; null if there is none and the service should start. */
export async function runCommand({ argv, env, now, print }: CommandOptions): Promise<CommandResult | null> {
  const [flag, ...rest] = argv
  if (flag === undefined) return null
  if (flag === '--generate-service' && rest.length === 1) return generateService(rest[0] ?? '')
  if (flag === '--generate-oidc-client' && rest.length === 2) {
    const [preset = '', url = ''] = rest
    return (await import('./oidc-commands.ts')).generateOidcClient(env, preset, url)
  }
  if (rest.length > 0) return misused()
  switch (flag) {
    case '--check-config':
      return checkConfig(env)
    case '--generate-key':
      return printed(`${generateKey(now())}\n`)
    case '--generate-oidc-key':
      return (await import('./oidc-commands.ts')).generateOidcKey(env, now())
    case '--link-owner':
      return linkOwner({ env, now, print })
    case '--version':
      return printed(`${packageJson.version}\n`)
    case '--help':
      return printed(USAGE)
    default:
      return misused()
  }
}

/** A key for USHER_SESSION_KEYS; its id is the date and a random suffix: `k20261124-x1Yz`. */
export function generateKey(now: number): string {
  const day = new Date(now).toISOString().slice(0, 10).replaceAll('-', '')
  const kid = `k${day}-${randomBytes(3).toString('base64url')}`
  for (;;) {
    const secret = randomBytes(32)
    const encoded = secret.toString('base64url')
    // One key in millions looks weak and would be refused at start.
    if (weakness(secret, encoded) === null) return `${kid}:${encoded}`
  }
}

/** The configuration, or its problems as lines for the terminal. */
export function readConfig(env: Environment): Config | string {
  try {
    return loadConfig(env)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const hint = env['USHER_PUBLIC_URL'] === undefined && isDotEnvHere() ? DOT_ENV : ''
    return `${error.message}\n${hint}`
  }
}

const DOT_ENV =
  'There is a .env here, which docker compose reads and Usher does not: node --env-file=.env dist/src/server.js takes it.\n'

/** Also builds both listeners without opening them, so that it finds everything that a start would refuse. */
async function checkConfig(env: Environment): Promise<CommandResult> {
  const config = readConfig(env)
  if (typeof config === 'string') return { exitCode: 1, stdout: '', stderr: config }
  const warnings = config.warnings.map((warning) => `warning: ${warning}\n`).join('')
  try {
    await rehearseStart(config)
    return { exitCode: 0, stdout: 'configuration is valid\n', stderr: warnings }
  } catch (error) {
    return { exitCode: 1, stdout: '', stderr: `${warnings}start would fail: ${explainStartFailure(error)}\n` }
  }
}

function generateService(id: string): CommandResult {
  if (!isServiceId(id)) {
    return failed('NAME must be 1 to 64 letters, digits, - or _, the first a letter or digit')
  }
  const secret = randomBytes(32).toString('base64url')
  const hash = hashSecret(secret)
  const entry = JSON.stringify({ id, secretHashes: [hash], grants: ['transient:session'] })
  return printed(`id      ${id}\nsecret  ${secret}\nhash    ${hash}\nentry   ${entry}\n`)
}

function misused(): CommandResult {
  return failed(USAGE.trimEnd())
}
