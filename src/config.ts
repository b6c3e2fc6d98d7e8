export type Grant = 'transient:session' | 'transient:owner' | 'scoped' | 'sources' | 'introspect'

export interface Config {
  /** `href` has no trailing slash; `basePath` is '' or '/x'. */
  readonly publicUrl: {
    readonly href: string
    readonly origin: string
    readonly basePath: string
    readonly hostname: string
    readonly secure: boolean
  }
  readonly listen: { readonly host: string; readonly port: number }
  readonly internalListen: { readonly host: string; readonly port: number }
  /** The first seals, all unseal; each secret is 32 bytes. */
  readonly sessionKeys: readonly { readonly kid: string; readonly secret: Buffer }[]
  readonly sessionIdleMs: number
  readonly sessionMaxMs: number
  readonly cookieDomain: string | null
  readonly instance: string | null
  readonly trustedProxies: readonly string[]
  /** The three bases of plex.tv are origins, without a trailing slash. */
  readonly plexUrl: string
  readonly plexClientsUrl: string
  readonly plexAppUrl: string
  /** `ca` is PEM text. */
  readonly pms: { readonly url: string | null; readonly machineId: string | null; readonly ca: string | null }
  readonly plexToken: string | null
  readonly access: 'server' | 'home' | 'owner' | 'anyone'
  readonly requireTwoFactor: 'none' | 'owner' | 'all'
  readonly recheckMs: number
  readonly outageGraceMs: number
  readonly allowedOrigins: readonly string[]
  readonly allowedReturnOrigins: readonly string[]
  readonly client: {
    readonly product: string
    readonly version: string
    readonly platform: string
    readonly deviceName: string
  }
  readonly services: readonly {
    readonly id: string
    /** `sha256:<hex>`, two during a rotation. */
    readonly secretHashes: readonly string[]
    readonly grants: readonly Grant[]
    readonly maxTtlMs: number
  }[]
  readonly redisUrl: string | null
  readonly ownerAdmin: boolean
  readonly upstreamTimeoutMs: number
  readonly drainMs: number
  readonly logLevel: string
  readonly mediaLane: boolean
  readonly brand: {
    readonly name: string
    readonly logo: { readonly type: string; readonly body: Buffer } | null
  }
}

/** Every problem of the settings at once; each names its variable, none tells its value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(`invalid configuration:\n${problems.map((problem) => `  ${problem}`).join('\n')}`)
    this.problems = problems
  }
}

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

function duration(text: string): number {
  return Number.parseInt(text, 10) * (UNITS[text.slice(-1)] ?? Number.NaN)
}

function list(text: string | undefined): string[] {
  return text ? text.split(',').map((item) => item.trim()) : []
}

/** Reads all settings from the environment. Throws ConfigError. */
export function loadConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const missing = ['USHER_PUBLIC_URL', 'USHER_SESSION_KEYS'].filter((name) => !env[name])
  if (missing.length > 0) throw new ConfigError(missing.map((name) => `${name} is required`))
  const url = new URL(env['USHER_PUBLIC_URL'] ?? '')
  const basePath = url.pathname.replace(/\/+$/, '')
  return {
    publicUrl: {
      href: `${url.origin}${basePath}`,
      origin: url.origin,
      basePath,
      hostname: url.hostname,
      secure: url.protocol === 'https:'
    },
    listen: { host: env['USHER_HOST'] ?? '0.0.0.0', port: Number(env['USHER_PORT'] ?? 8080) },
    internalListen: {
      host: env['USHER_INTERNAL_HOST'] ?? '0.0.0.0',
      port: Number(env['USHER_INTERNAL_PORT'] ?? 9090)
    },
    sessionKeys: list(env['USHER_SESSION_KEYS']).map((entry) => {
      const [kid = '', secret = ''] = entry.split(':')
      return { kid, secret: Buffer.from(secret, 'base64url') }
    }),
    sessionIdleMs: duration(env['USHER_SESSION_IDLE'] ?? '7d'),
    sessionMaxMs: duration(env['USHER_SESSION_MAX'] ?? '30d'),
    cookieDomain: env['USHER_COOKIE_DOMAIN'] ?? null,
    instance: env['USHER_INSTANCE'] ?? null,
    trustedProxies: list(env['USHER_TRUSTED_PROXIES']),
    plexUrl: env['USHER_PLEX_URL'] ?? 'https://plex.tv',
    plexClientsUrl: env['USHER_PLEX_CLIENTS_URL'] ?? 'https://clients.plex.tv',
    plexAppUrl: env['USHER_PLEX_APP_URL'] ?? 'https://app.plex.tv',
    pms: { url: env['USHER_PMS_URL'] ?? null, machineId: env['USHER_PMS_MACHINE_ID'] ?? null, ca: null },
    plexToken: env['USHER_PLEX_TOKEN'] ?? null,
    access: (env['USHER_ACCESS'] ?? 'server') as Config['access'],
    requireTwoFactor: (env['USHER_REQUIRE_2FA'] ?? 'none') as Config['requireTwoFactor'],
    recheckMs: duration(env['USHER_RECHECK'] ?? '15m'),
    outageGraceMs: duration(env['USHER_OUTAGE_GRACE'] ?? '24h'),
    allowedOrigins: list(env['USHER_ALLOWED_ORIGINS']),
    allowedReturnOrigins: list(env['USHER_ALLOWED_RETURN_ORIGINS']),
    client: {
      product: env['USHER_CLIENT_NAME'] ?? 'Usher',
      version: env['USHER_CLIENT_VERSION'] ?? '0.1.0',
      platform: env['USHER_CLIENT_PLATFORM'] ?? 'Web',
      deviceName: env['USHER_DEVICE_NAME'] ?? url.hostname
    },
    services: [],
    redisUrl: env['USHER_REDIS_URL'] ?? null,
    ownerAdmin: env['USHER_OWNER_ADMIN'] === 'true',
    upstreamTimeoutMs: duration(env['USHER_UPSTREAM_TIMEOUT'] ?? '30s'),
    drainMs: duration(env['USHER_DRAIN'] ?? '30s'),
    logLevel: env['USHER_LOG_LEVEL'] ?? 'info',
    mediaLane: env['USHER_MEDIA_LANE'] === 'true',
    brand: { name: env['USHER_BRAND_NAME'] ?? 'Usher', logo: null }
  }
}
