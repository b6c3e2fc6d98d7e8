import { isIP } from 'node:net'
import { hashSecret } from './services.ts'
import type { SettingName, Values } from './settings.ts'
import { isLoopback, type PublicUrl } from './urls.ts'

/** What is wrong between settings that are each well formed; a setting that is not takes no part. */
export function crossCheck(values: Partial<Values>): readonly string[] {
  return [
    ...checkPublicUrl(values),
    ...checkOrigins(values, 'USHER_ALLOWED_ORIGINS'),
    ...checkOrigins(values, 'USHER_ALLOWED_RETURN_ORIGINS'),
    ...checkCookieDomain(values),
    ...checkLifetimes(values),
    ...checkPorts(values),
    ...checkMediaServer(values),
    ...checkServices(values),
    ...checkReuse(values)
  ]
}

function checkPublicUrl({ USHER_PUBLIC_URL: url, USHER_ALLOW_HTTP: allowed }: Partial<Values>): string[] {
  if (!url || allowed !== false || url.secure || isLoopback(bare(url))) return []
  return ['USHER_PUBLIC_URL must be https: (http: needs a loopback host or USHER_ALLOW_HTTP=true)']
}

function checkOrigins(
  values: Partial<Values>,
  name: 'USHER_ALLOWED_ORIGINS' | 'USHER_ALLOWED_RETURN_ORIGINS'
): string[] {
  if (values.USHER_ALLOW_HTTP !== false) return []
  return (values[name] ?? []).flatMap((origin, index) =>
    origin.startsWith('https:') || isLoopback(new URL(origin).hostname)
      ? []
      : [`${name} entry ${index + 1} must be https: (http: needs a loopback host or USHER_ALLOW_HTTP=true)`]
  )
}

/** A browser drops a cookie for a domain that its host is not part of (RFC 6265 Section 5.3 step 6). */
function checkCookieDomain({
  USHER_PUBLIC_URL: url,
  USHER_COOKIE_DOMAIN: domain
}: Partial<Values>): string[] {
  if (!url || !domain) return []
  const host = bare(url)
  if (isIP(host) !== 0) return ['USHER_COOKIE_DOMAIN cannot be used with an IP address in USHER_PUBLIC_URL']
  if (host === domain || host.endsWith(`.${domain}`)) return []
  return ['USHER_COOKIE_DOMAIN must be the host of USHER_PUBLIC_URL or a parent domain of it']
}

function checkLifetimes(values: Partial<Values>): string[] {
  return [
    ...notLonger(values, 'USHER_SESSION_IDLE', 'USHER_SESSION_MAX'),
    ...notLonger(values, 'USHER_RECHECK', 'USHER_OUTAGE_GRACE')
  ]
}

function notLonger(
  values: Partial<Values>,
  shorter: 'USHER_SESSION_IDLE' | 'USHER_RECHECK',
  longer: 'USHER_SESSION_MAX' | 'USHER_OUTAGE_GRACE'
): string[] {
  const [left, right] = [values[shorter], values[longer]]
  return left !== undefined && right !== undefined && left > right
    ? [`${shorter} must not be longer than ${longer}`]
    : []
}

function checkPorts({ USHER_PORT: port, USHER_INTERNAL_PORT: internal }: Partial<Values>): string[] {
  if (port === undefined || port === 0 || port !== internal) return []
  return ['USHER_INTERNAL_PORT must differ from USHER_PORT']
}

/** A pinned server that is never asked for would look like a restriction and be none. */
function checkMediaServer({ USHER_PMS_URL: url, USHER_PMS_MACHINE_ID: id }: Partial<Values>): string[] {
  return url === null && id ? ['USHER_PMS_MACHINE_ID needs USHER_PMS_URL'] : []
}

function checkServices(values: Partial<Values>): string[] {
  return (values.USHER_SERVICES ?? []).flatMap((service, index) =>
    service.grants
      .filter((grant) => grant === 'transient:owner' || grant === 'sources')
      .flatMap((grant) =>
        (['USHER_PLEX_TOKEN', 'USHER_PMS_URL'] as const)
          .filter((name) => values[name] === null)
          .map((name) => `USHER_SERVICES entry ${index + 1}: grant ${grant} needs ${name}`)
      )
  )
}

/** One secret in two places would let whoever learns the one use the other (SECURITY rule 6). */
function checkReuse(values: Partial<Values>): string[] {
  const keys = (values.USHER_SESSION_KEYS ?? []).flatMap(({ kid, secret }) =>
    [
      secret.toString('base64url'),
      secret.toString('base64'),
      secret.toString('hex'),
      secret.toString('utf8')
    ].flatMap((text) => [text, `${kid}:${text}`])
  )
  const texts: [SettingName, readonly string[]][] = [
    ['USHER_SESSION_KEYS', keys],
    ['USHER_PLEX_TOKEN', values.USHER_PLEX_TOKEN ? [values.USHER_PLEX_TOKEN] : []],
    ['USHER_REDIS_URL', redisPassword(values.USHER_REDIS_URL)]
  ]
  const hashes = (values.USHER_SERVICES ?? []).flatMap((service) => service.secretHashes)
  const problems: string[] = []
  for (const [index, [name, own]] of texts.entries()) {
    for (const [other, theirs] of texts.slice(index + 1)) {
      if (own.some((text) => theirs.includes(text))) problems.push(`${other} repeats a secret of ${name}`)
    }
    if (own.some((text) => hashes.includes(hashSecret(text)))) {
      problems.push(`USHER_SERVICES repeats a secret of ${name}`)
    }
  }
  return problems
}

function redisPassword(url: string | null | undefined): readonly string[] {
  const password = url ? new URL(url).password : ''
  if (password === '') return []
  try {
    return [password, decodeURIComponent(password)]
  } catch {
    return [password]
  }
}

function bare(url: PublicUrl): string {
  return url.hostname.replace(/^\[|\]$/g, '')
}
