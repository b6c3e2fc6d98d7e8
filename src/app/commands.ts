import { randomBytes } from 'node:crypto'
import packageJson from '../../package.json' with { type: 'json' }
import { ConfigError, loadConfig } from '../config/config.ts'
import type { Environment } from '../config/environment.ts'
import { hashSecret } from '../config/secret-hashes.ts'
import { isServiceId } from '../config/services.ts'
import { weakness } from '../config/weakness.ts'

export interface CommandResult {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

export interface CommandOptions {
  /** The arguments after the program's name. */
  readonly argv: readonly string[]
  readonly env: Environment
  /** Epoch milliseconds. */
  readonly now: () => number
}

const USAGE = `usage: node dist/src/server.js [command]
  (none)                   start both listeners, configured by USHER_* variables
  --check-config           check the configuration; exit 0 or 1
  --generate-key           print a fresh key for USHER_SESSION_KEYS
  --generate-service NAME  print a secret for an internal service and its entry for USHER_SERVICES
  --version                print the version
  --help                   print this
`

/** Runs the command that the arguments name; null where they name none and the service is to start. */
export function runCommand({ argv, env, now }: CommandOptions): CommandResult | null {
  const [flag, ...rest] = argv
  if (flag === undefined) return null
  if (flag === '--generate-service' && rest.length === 1) return generateService(rest[0] ?? '')
  if (rest.length > 0) return misused()
  switch (flag) {
    case '--check-config':
      return checkConfig(env)
    case '--generate-key':
      return printed(`${generateKey(now())}\n`)
    case '--version':
      return printed(`${packageJson.version}\n`)
    case '--help':
      return printed(USAGE)
    default:
      return misused()
  }
}

/** A key as USHER_SESSION_KEYS takes it, its id made of the day and a random suffix: `k20261124-x1Yz`. */
export function generateKey(now: number): string {
  const day = new Date(now).toISOString().slice(0, 10).replaceAll('-', '')
  const kid = `k${day}-${randomBytes(3).toString('base64url')}`
  for (;;) {
    const secret = randomBytes(32)
    const encoded = secret.toString('base64url')
    // One key in millions looks like a weak one and would be refused at start.
    if (weakness(secret, encoded) === null) return `${kid}:${encoded}`
  }
}

function checkConfig(env: Environment): CommandResult {
  try {
    loadConfig(env)
    return printed('configuration is valid\n')
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return { exitCode: 1, stdout: '', stderr: `${error.message}\n` }
  }
}

function generateService(id: string): CommandResult {
  if (!isServiceId(id)) {
    return {
      exitCode: 2,
      stdout: '',
      stderr: 'NAME must be 1 to 64 letters, digits, - or _, the first a letter or digit\n'
    }
  }
  const secret = randomBytes(32).toString('base64url')
  const hash = hashSecret(secret)
  const entry = JSON.stringify({ id, secretHashes: [hash], grants: ['transient:session'] })
  return printed(`id      ${id}\nsecret  ${secret}\nhash    ${hash}\nentry   ${entry}\n`)
}

function printed(stdout: string): CommandResult {
  return { exitCode: 0, stdout, stderr: '' }
}

function misused(): CommandResult {
  return { exitCode: 2, stdout: '', stderr: USAGE }
}
