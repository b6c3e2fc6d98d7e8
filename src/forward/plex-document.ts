/** Fields that never reach a browser: the hash of a PIN, linked services with their secrets. */
const SECRET_FIELDS: ReadonlySet<string> = new Set(['pin', 'services', 'secret', 'password', 'cookie'])

/**
 * A copy of the data without secrets: at any depth, no field whose name ends in "token", in any spelling, or that is
 * known to be one (SECURITY rule 56).
 */
export function withoutSecrets(data: unknown): unknown {
  if (Array.isArray(data)) return data.map(withoutSecrets)
  if (typeof data !== 'object' || data === null) return data
  return Object.fromEntries(
    Object.entries(data)
      .filter(([name]) => !isSecret(name))
      .map(([name, value]) => [name, withoutSecrets(value)])
  )
}

function isSecret(name: string): boolean {
  const plain = name.toLowerCase().replaceAll(/[-_]/g, '')
  return plain.endsWith('token') || SECRET_FIELDS.has(plain)
}
