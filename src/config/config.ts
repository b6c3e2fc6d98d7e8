import packageJson from '../../package.json' with { type: 'json' }
import { conceal } from './concealment.ts'
import { crossCheck } from './cross-checks.ts'
import { type Environment, readEnvironment } from './environment.ts'
import type { Logo } from './files.ts'
import type { SessionKey } from './keys.ts'
import type { ServiceSetting } from './services.ts'
import type { Values } from './settings.ts'
import type { PublicUrl } from './urls.ts'

export type { Grant } from './services.ts'

interface Listen {
  readonly host: string
  /** 0 lets the system pick one. */
  readonly port: number
}

export interface Config {
  readonly publicUrl: PublicUrl
  readonly listen: Listen
  readonly internalListen: Listen
  /** At least one: the first seals, all unseal. */
  readonly sessionKeys: readonly SessionKey[]
  readonly sessionIdleMs: number
  readonly sessionMaxMs: number
  readonly cookieDomain: string | null
  readonly instance: string | null
  /** IPs and CIDRs. */
  readonly trustedProxies: readonly string[]
  /** The three bases of plex.tv and the media server's are origins, without a trailing slash. */
  readonly plexUrl: string
  readonly plexClientsUrl: string
  readonly plexAppUrl: string
  readonly pms: {
    readonly url: string | null
    readonly machineId: string | null
    /** PEM text. */
    readonly ca: string | null
  }
  readonly plexToken: string | null
  readonly access: 'server' | 'home' | 'owner' | 'anyone'
  readonly requireTwoFactor: 'none' | 'owner' | 'all'
  readonly recheckMs: number
  readonly outageGraceMs: number
  readonly allowedOrigins: readonly string[]
  readonly allowedReturnOrigins: readonly string[]
  /** Each a valid header value. */
  readonly client: {
    readonly product: string
    readonly version: string
    readonly platform: string
    readonly deviceName: string
  }
  readonly services: readonly ServiceSetting[]
  readonly redisUrl: string | null
  readonly stateDir: string | null
  readonly ownerAdmin: boolean
  readonly upstreamTimeoutMs: number
  readonly drainMs: number
  /** A level of pino. */
  readonly logLevel: string
  readonly mediaLane: boolean
  readonly brand: { readonly name: string; readonly logo: Logo | null }
}

/** Every problem of the settings at once; each names its variable, none tells its value (SECURITY rule 68). */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(['invalid configuration', ...problems].join('\n  '))
    this.problems = problems
  }
}

/** Reads and checks all settings, and the files that they name. Throws ConfigError. */
export function loadConfig(env: Environment): Config {
  const { values, problems } = readEnvironment(env)
  const all = [...problems, ...crossCheck(values)]
  if (all.length > 0) throw new ConfigError(all)
  return toConfig(values as Values)
}

function toConfig(values: Values): Config {
  const publicUrl = values.USHER_PUBLIC_URL
  const config: Config = {
    publicUrl,
    listen: { host: values.USHER_HOST, port: values.USHER_PORT },
    internalListen: { host: values.USHER_INTERNAL_HOST, port: values.USHER_INTERNAL_PORT },
    sessionKeys: values.USHER_SESSION_KEYS.map((key) => conceal(key, { kid: key.kid })),
    sessionIdleMs: values.USHER_SESSION_IDLE,
    sessionMaxMs: values.USHER_SESSION_MAX,
    cookieDomain: values.USHER_COOKIE_DOMAIN,
    instance: values.USHER_INSTANCE,
    trustedProxies: values.USHER_TRUSTED_PROXIES,
    plexUrl: values.USHER_PLEX_URL,
    plexClientsUrl: values.USHER_PLEX_CLIENTS_URL,
    plexAppUrl: values.USHER_PLEX_APP_URL,
    pms: { url: values.USHER_PMS_URL, machineId: values.USHER_PMS_MACHINE_ID, ca: values.USHER_PMS_CA_FILE },
    plexToken: values.USHER_PLEX_TOKEN,
    access: values.USHER_ACCESS,
    requireTwoFactor: values.USHER_REQUIRE_2FA,
    recheckMs: values.USHER_RECHECK,
    outageGraceMs: values.USHER_OUTAGE_GRACE,
    allowedOrigins: values.USHER_ALLOWED_ORIGINS,
    allowedReturnOrigins: values.USHER_ALLOWED_RETURN_ORIGINS,
    client: {
      product: values.USHER_CLIENT_NAME,
      version: values.USHER_CLIENT_VERSION ?? packageJson.version,
      platform: values.USHER_CLIENT_PLATFORM,
      deviceName: values.USHER_DEVICE_NAME ?? publicUrl.hostname
    },
    services: values.USHER_SERVICES.map((service) =>
      conceal(service, { id: service.id, grants: service.grants })
    ),
    redisUrl: values.USHER_REDIS_URL,
    stateDir: values.USHER_STATE_DIR,
    ownerAdmin: values.USHER_OWNER_ADMIN,
    upstreamTimeoutMs: values.USHER_UPSTREAM_TIMEOUT,
    drainMs: values.USHER_DRAIN,
    logLevel: values.USHER_LOG_LEVEL,
    mediaLane: values.USHER_MEDIA_LANE,
    brand: { name: values.USHER_BRAND_NAME, logo: values.USHER_BRAND_LOGO }
  }
  const told = (secret: string | null) => (secret === null ? null : '[concealed]')
  return conceal(config, {
    ...config,
    plexToken: told(config.plexToken),
    redisUrl: told(config.redisUrl),
    brand: { name: config.brand.name, logo: config.brand.logo?.type ?? null }
  })
}
