import { isIP } from 'node:net'
import { hashSecret } from './secret-hashes.ts'
import type { SettingName, Values } from './settings.ts'
import { isLoopback, type PublicUrl } from './urls.ts'

/** Finds contradictions between settings. Each value is valid by itself; an invalid setting has none here. */
export function crossCheck(values: Partial<Values>): readonly string[] {
  return Object.values(CHECKS).flatMap((check) => check(values))
}

type Check = (values: Partial<Values>) => readonly string[]

const HTTPS = 'must be https: (http: needs a loopback host or USHER_ALLOW_HTTP=true)'

/** Keyed by the setting that is refused. */
const CHECKS: Readonly<Partial<Record<SettingName, Check>>> = {
  USHER_PUBLIC_URL({ USHER_PUBLIC_URL: url, USHER_ALLOW_HTTP: allowed }) {
    if (!url || allowed !== false || url.secure || isLoopback(bare(url))) return []
    return [`USHER_PUBLIC_URL ${HTTPS}`]
  },
  USHER_ALLOWED_ORIGINS: (values) => checkOrigins(values, 'USHER_ALLOWED_ORIGINS'),
  USHER_ALLOWED_RETURN_ORIGINS: (values) => checkOrigins(values, 'USHER_ALLOWED_RETURN_ORIGINS'),
  /** A browser drops a cookie for a domain that its host is not part of (RFC 6265 §5.3 step 6). */
  USHER_COOKIE_DOMAIN({ USHER_PUBLIC_URL: url, USHER_COOKIE_DOMAIN: domain }) {
    if (!url || !domain) return []
    const host = bare(url)
    if (isIP(host) !== 0) return ['USHER_COOKIE_DOMAIN cannot be used with an IP address in USHER_PUBLIC_URL']
    if (isWithin(host, domain)) return []
    return ['USHER_COOKIE_DOMAIN must be the host of USHER_PUBLIC_URL or a parent domain of it']
  },
  USHER_SESSION_IDLE: (values) => notLonger(values, 'USHER_SESSION_IDLE', 'USHER_SESSION_MAX'),
  USHER_RECHECK: (values) => notLonger(values, 'USHER_RECHECK', 'USHER_OUTAGE_GRACE'),
  USHER_INTERNAL_PORT({ USHER_PORT: port, USHER_INTERNAL_PORT: internal }) {
    if (port === undefined || port === 0 || port !== internal) return []
    return ['USHER_INTERNAL_PORT must differ from USHER_PORT']
  },
  /** A machine identifier that is never compared would look like a restriction and be none. */
  USHER_PMS_MACHINE_ID: ({ USHER_PMS_URL: url, USHER_PMS_MACHINE_ID: id }) =>
    url === null && id ? ['USHER_PMS_MACHINE_ID needs USHER_PMS_URL'] : [],
  /** Anybody can own some server, so without a configured one roles mean nothing (SECURITY rule 75). */
  USHER_ACCESS: ({ USHER_PMS_URL: url, USHER_ACCESS: access }) =>
    url === null && access !== undefined && access !== 'anyone'
      ? [
          'USHER_ACCESS needs USHER_PMS_URL: set that to the address of your media server, or set USHER_ACCESS=anyone to admit everybody with a Plex account'
        ]
      : [],
  USHER_PRIVATE_SERVERS: ({ USHER_PMS_URL: url, USHER_PRIVATE_SERVERS: allowed }) =>
    url && allowed === true
      ? ['USHER_PRIVATE_SERVERS must be false beside USHER_PMS_URL: nobody brings a server of their own']
      : [],
  USHER_SERVICES: (values) =>
    (values.USHER_SERVICES ?? []).flatMap((service, index) =>
      service.grants
        .filter((grant) => grant === 'transient:owner' || grant === 'sources')
        .flatMap((grant) =>
          (['USHER_PLEX_TOKEN', 'USHER_PMS_URL'] as const)
            .filter((name) => values[name] === null)
            .map((name) => `USHER_SERVICES entry ${index + 1}: grant ${grant} needs ${name}`)
        )
    ),
  USHER_GROUPS: ({ USHER_GROUPS: groups, USHER_PMS_URL: url }) =>
    (groups ?? []).flatMap(({ roles, libraries }, index) =>
      url === null && roles.length + libraries.length > 0
        ? [`USHER_GROUPS entry ${index + 1}: roles and libraries need USHER_PMS_URL`]
        : []
    ),
  USHER_APPS: (values) => [...checkAccess(values, 'USHER_APPS'), ...checkHosts(values)],
  USHER_OIDC_CLIENTS: (values) => [...checkAccess(values, 'USHER_OIDC_CLIENTS'), ...checkClients(values)],
  /** With one secret in two places, knowing either is knowing both (SECURITY rule 6). */
  USHER_REDIS_URL: checkReuse
}

function checkOrigins(
  values: Partial<Values>,
  name: 'USHER_ALLOWED_ORIGINS' | 'USHER_ALLOWED_RETURN_ORIGINS'
): string[] {
  if (values.USHER_ALLOW_HTTP !== false) return []
  return (values[name] ?? []).flatMap((origin, index) =>
    !origin.startsWith('http:') || isLoopback(new URL(origin).hostname)
      ? []
      : [`${name} entry ${index + 1} ${HTTPS}`]
  )
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

function checkAccess(values: Partial<Values>, name: 'USHER_APPS' | 'USHER_OIDC_CLIENTS'): string[] {
  const groups = values.USHER_GROUPS?.map((group) => group.name)
  return (values[name] ?? []).flatMap(({ access }, index) => {
    const label = `${name} entry ${index + 1}:`
    const problems: string[] = []
    if (groups && access?.groups.some((group) => !groups.includes(group)))
      problems.push(`${label} access has a group that USHER_GROUPS does not have`)
    if (values.USHER_PMS_URL === null && access && access.roles.length + access.libraries.length > 0)
      problems.push(`${label} access by role or library needs USHER_PMS_URL`)
    return problems
  })
}

/** The browser would never send Usher's cookie to such a host, so signing in would loop. */
function checkHosts({
  USHER_APPS: apps,
  USHER_PUBLIC_URL: url,
  USHER_COOKIE_DOMAIN: domain
}: Partial<Values>): string[] {
  if (!apps || !url || domain === undefined) return []
  return apps.flatMap(({ hosts }, index) => {
    const names = hosts.map((host) => new URL(`https://${host}`).hostname)
    return names.every((name) => name === url.hostname || (domain !== null && isWithin(name, domain)))
      ? []
      : [
          `USHER_APPS entry ${index + 1}: hosts must be below USHER_COOKIE_DOMAIN, or no browser sends the session cookie there`
        ]
  })
}

function checkClients(values: Partial<Values>): string[] {
  const { USHER_OIDC_CLIENTS: clients = [], USHER_OIDC_KEYS: keys, USHER_APPS: apps } = values
  if (clients.length > 0 && keys === null)
    return ['USHER_OIDC_CLIENTS needs USHER_OIDC_KEYS: make a key set with --generate-oidc-key']
  return clients.flatMap(({ app, idTokenAlg }, index) => {
    const label = `USHER_OIDC_CLIENTS entry ${index + 1}:`
    const problems: string[] = []
    if (keys && !keys.some(({ alg }) => alg === idTokenAlg))
      problems.push(`${label} USHER_OIDC_KEYS has no key of its idTokenAlg`)
    if (app !== null && apps && !apps.some(({ id }) => id === app))
      problems.push(`${label} app must be the id of an entry of USHER_APPS`)
    return problems
  })
}

function checkReuse(values: Partial<Values>): string[] {
  const keys = (values.USHER_SESSION_KEYS ?? []).flatMap(({ kid, secret }) =>
    [
      secret.toString('base64url'),
      secret.toString('base64'),
      secret.toString('hex'),
      secret.toString('utf8')
    ].flatMap((text) => [text, `${kid}:${text}`])
  )
  const texts: readonly [SettingName, readonly string[]][] = [
    ['USHER_SESSION_KEYS', keys],
    ['USHER_PLEX_TOKEN', values.USHER_PLEX_TOKEN ? [values.USHER_PLEX_TOKEN] : []],
    ['USHER_REDIS_URL', redisPassword(values.USHER_REDIS_URL)],
    [
      'USHER_APPS',
      (values.USHER_APPS ?? []).flatMap(({ headers }) => Object.values(headers).flatMap(credentials))
    ]
  ]
  const hashes: readonly [SettingName, readonly string[]][] = [
    ['USHER_SERVICES', (values.USHER_SERVICES ?? []).flatMap((service) => service.secretHashes)],
    ['USHER_OIDC_CLIENTS', (values.USHER_OIDC_CLIENTS ?? []).flatMap((client) => client.secretHashes)]
  ]
  const problems: string[] = []
  for (const [index, [name, own]] of texts.entries()) {
    for (const [other, theirs] of texts.slice(index + 1)) {
      if (own.some((text) => theirs.includes(text))) problems.push(`${other} repeats a secret of ${name}`)
    }
    for (const [other, theirs] of hashes) {
      if (own.some((text) => theirs.includes(hashSecret(text))))
        problems.push(`${other} repeats a secret of ${name}`)
    }
  }
  const [[, services], [, clients]] = hashes as [[SettingName, string[]], [SettingName, string[]]]
  if (clients.some((hash) => services.includes(hash)))
    problems.push('USHER_OIDC_CLIENTS repeats a secret of USHER_SERVICES')
  return problems
}

/** A header's value, and the part after a scheme such as Bearer. */
function credentials(value: string): readonly string[] {
  return [value, value.replace(/^\S+ +/, '')]
}

/** The password, both encoded as in the URL and decoded as it is sent. */
function redisPassword(url: string | null | undefined): readonly string[] {
  const password = url ? new URL(url).password : ''
  return password === '' ? [] : [password, decodeURIComponent(password)]
}

function isWithin(host: string, domain: string): boolean {
  return host === domain || host.endsWith(`.${domain}`)
}

function bare(url: PublicUrl): string {
  return url.hostname.replace(/^\[|\]$/g, '')
}
