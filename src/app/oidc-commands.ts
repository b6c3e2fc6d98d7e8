import { generateKeyPairSync, randomBytes } from 'node:crypto'
import type { Environment } from '../config/environment.ts'
import { readSecretFile } from '../config/files.ts'
import { parseOidcKeys } from '../config/oidc-keys.ts'
import { hashSecret } from '../config/secret-hashes.ts'
import { Invalid } from '../config/setting.ts'
import { parseAppUrl, parsePublicUrl } from '../config/urls.ts'
import { toGuide } from '../openid/presets/preset.ts'
import { PRESETS } from '../openid/presets/presets.ts'
import { type CommandResult, failed, printed } from './command-result.ts'

const RSA_BITS = 2048

/**
 * A key set for USHER_OIDC_KEYS. A new key goes to the end of the existing set: apps cache key sets for a day, so it is
 * published before it signs.
 */
export function generateOidcKey(env: Environment, now: number): CommandResult {
  const file = env['USHER_OIDC_KEYS_FILE']
  try {
    const text = env['USHER_OIDC_KEYS'] || (file ? readSecretFile(file) : null)
    const before = text === null ? [] : parseOidcKeys(text).map(({ jwk }) => jwk)
    const day = new Date(now).toISOString().slice(0, 10).replaceAll('-', '')
    const kid = `o${day}-${randomBytes(3).toString('base64url')}`
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: RSA_BITS })
    const fresh = { ...privateKey.export({ format: 'jwk' }), kid, alg: 'RS256', use: 'sig' }
    return printed(`${JSON.stringify({ keys: [...before, fresh] })}\n`)
  } catch (error) {
    if (!(error instanceof Invalid)) throw error
    return failed(`USHER_OIDC_KEYS ${error.message}`)
  }
}

/** An app's entry for USHER_OIDC_CLIENTS with a new secret, and what to enter in the app. */
export function generateOidcClient(env: Environment, id: string, address: string): CommandResult {
  const preset = Object.hasOwn(PRESETS, id) ? PRESETS[id] : undefined
  if (preset === undefined) return failed(`PRESET must be one of ${Object.keys(PRESETS).join(', ')}`)
  let url: string
  try {
    url = parseAppUrl(address)
  } catch (error) {
    if (!(error instanceof Invalid)) throw error
    return failed(`URL ${error.message}`)
  }
  // URL-safe, because several apps do not encode it for HTTP Basic.
  const secret = preset.isPublic === true ? null : randomBytes(32).toString('base64url')
  const hash = secret === null ? null : hashSecret(secret)
  const { entry, settings, notes } = toGuide(id, preset, { url, issuer: issuerOf(env), secret, hash })
  const width = Math.max(...settings.map(([where]) => where.length))
  const lines = settings.map(([where, what]) => `  ${where.padEnd(width)}  ${what}`)
  return printed(
    [
      `id      ${id}`,
      ...(secret === null ? [] : [`secret  ${secret}`]),
      `entry   ${JSON.stringify(entry)}`,
      '',
      `In ${preset.name} (from its documentation):`,
      ...lines,
      '',
      ...notes,
      ''
    ].join('\n')
  )
}

/** USHER_PUBLIC_URL exactly as it is set. */
function issuerOf(env: Environment): string {
  try {
    return parsePublicUrl(env['USHER_PUBLIC_URL'] ?? '').href
  } catch (error) {
    if (!(error instanceof Invalid)) throw error
    return '(USHER_PUBLIC_URL)'
  }
}
