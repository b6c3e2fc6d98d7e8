import packageJson from '../../package.json' with { type: 'json' }
import { conceal } from './concealment.ts'
import { crossCheck } from './cross-checks.ts'
import { type Environment, readEnvironment } from './environment.ts'
import type { Values } from './settings.ts'
import { doubts } from './warnings.ts'

export type { Grant } from './services.ts'

/** All settings as values. Printing the whole object conceals its secrets. */
export interface Config extends ReadonlyTree<ReturnType<typeof toConfig>> {
  /** The settings as they were parsed, by which two configurations are compared. No part of what it prints. */
  readonly values: Values
}

type ReadonlyTree<T> = T extends string | number | boolean | null | Buffer
  ? T
  : { readonly [Member in keyof T]: ReadonlyTree<T[Member]> }

/** All problems of the settings at once. Each names its variable, none contains a value (SECURITY rule 68). */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(['invalid configuration', ...problems].join('\n  '))
    this.problems = problems
  }
}

/** Reads and checks all settings and the files they name. Throws ConfigError. */
export function loadConfig(env: Environment): Config {
  const { values, problems, warnings } = readEnvironment(env)
  const all = [...problems, ...crossCheck(values)]
  if (all.length > 0) throw new ConfigError(all)
  return toHiddenConfig(values as Values, warnings)
}

/** Values from two readings put together. Throws ConfigError where they contradict each other. */
export function combineConfig(values: Values): Config {
  const problems = crossCheck(values)
  if (problems.length > 0) throw new ConfigError(problems)
  return toHiddenConfig(values, [])
}

function toHiddenConfig(values: Values, warnings: readonly string[]): Config {
  const config = hideSecrets(toConfig(values, [...warnings, ...doubts(values)]))
  return Object.defineProperty(config, 'values', { value: values, enumerable: false }) as Config
}

function toConfig(values: Values, warnings: readonly string[]) {
  const publicUrl = values.USHER_PUBLIC_URL
  const apps = values.USHER_APPS
  return {
    publicUrl,
    /** Port 0 lets the system pick one. */
    listen: { host: values.USHER_HOST, port: values.USHER_PORT },
    internalListen: { host: values.USHER_INTERNAL_HOST, port: values.USHER_INTERNAL_PORT },
    internalNames: values.USHER_INTERNAL_NAMES,
    /** At least one: the first seals, all unseal. */
    sessionKeys: values.USHER_SESSION_KEYS,
    sessionIdleMs: values.USHER_SESSION_IDLE,
    sessionMaxMs: values.USHER_SESSION_MAX,
    cookieDomain: values.USHER_COOKIE_DOMAIN,
    instance: values.USHER_INSTANCE,
    /** IPs and CIDRs. */
    trustedProxies: values.USHER_TRUSTED_PROXIES,
    /** The three base URLs of plex.tv and the media server's URL are origins, without a trailing slash. */
    plexUrl: values.USHER_PLEX_URL,
    plexClientsUrl: values.USHER_PLEX_CLIENTS_URL,
    plexAppUrl: values.USHER_PLEX_APP_URL,
    /** `ca` is PEM text. */
    pms: { url: values.USHER_PMS_URL, machineId: values.USHER_PMS_MACHINE_ID, ca: values.USHER_PMS_CA_FILE },
    privateServers: values.USHER_PRIVATE_SERVERS,
    plexToken: values.USHER_PLEX_TOKEN,
    access: values.USHER_ACCESS,
    /** Empty: everybody whom `access` admits. */
    allowedAccounts: values.USHER_ALLOWED_ACCOUNTS,
    requireTwoFactor: values.USHER_REQUIRE_2FA,
    recheckMs: values.USHER_RECHECK,
    outageGraceMs: values.USHER_OUTAGE_GRACE,
    allowedOrigins: values.USHER_ALLOWED_ORIGINS,
    allowedReturnOrigins: values.USHER_ALLOWED_RETURN_ORIGINS,
    /** Each a valid header value. */
    client: {
      product: values.USHER_CLIENT_NAME,
      version: values.USHER_CLIENT_VERSION ?? packageJson.version,
      platform: values.USHER_CLIENT_PLATFORM,
      deviceName: values.USHER_DEVICE_NAME ?? publicUrl.hostname
    },
    services: values.USHER_SERVICES,
    apps,
    groups: values.USHER_GROUPS,
    oidc: {
      /** Each has the name, access and icon of the app that it refers to, if any. */
      clients: values.USHER_OIDC_CLIENTS.map((client) => {
        const app = apps.find(({ id }) => id === client.app)
        return { ...client, ...(app && { name: app.name, access: app.access }), icon: app?.icon ?? null }
      }),
      keys: values.USHER_OIDC_KEYS ?? []
    },
    redisUrl: values.USHER_REDIS_URL,
    /** Absolute. */
    stateDir: values.USHER_STATE_DIR,
    ownerAdmin: values.USHER_OWNER_ADMIN,
    upstreamTimeoutMs: values.USHER_UPSTREAM_TIMEOUT,
    drainMs: values.USHER_DRAIN,
    /** A level of pino. */
    logLevel: values.USHER_LOG_LEVEL,
    mediaLane: values.USHER_MEDIA_LANE,
    compress: values.USHER_COMPRESS,
    openApi: values.USHER_OPENAPI,
    brand: { name: values.USHER_BRAND_NAME, logo: values.USHER_BRAND_LOGO },
    /** Settings that are allowed but probably a mistake; logged once at the start. */
    warnings
  }
}

function hideSecrets(config: ReturnType<typeof toConfig>): Omit<Config, 'values'> {
  const mask = (secret: string | null) => (secret === null ? null : '[concealed]')
  const named = <T extends { readonly id: string }>(entries: readonly T[]) =>
    entries.map((entry) => conceal({ ...entry }, { id: entry.id }))
  const concealed = {
    ...config,
    sessionKeys: config.sessionKeys.map((key) => conceal({ ...key }, { kid: key.kid })),
    services: config.services.map((service) =>
      conceal({ ...service }, { id: service.id, grants: service.grants })
    ),
    apps: named(config.apps),
    oidc: {
      clients: named(config.oidc.clients),
      keys: config.oidc.keys.map((key) => conceal({ ...key }, { kid: key.kid, alg: key.alg }))
    }
  }
  return conceal(concealed, {
    ...concealed,
    plexToken: mask(config.plexToken),
    redisUrl: mask(config.redisUrl),
    brand: { name: config.brand.name, logo: config.brand.logo?.type ?? null }
  })
}
