import { durationUpTo } from './durations.ts'
import { parseStateDirectory, readCertificates, readLogo } from './files.ts'
import { parseSessionKeys } from './keys.ts'
import { parseCookieDomain, parseNetwork } from './networks.ts'
import { parseServices } from './services.ts'
import { initially, list, optional, required, type Setting, secret } from './setting.ts'
import { parsePlexToken } from './tokens.ts'
import { parseOrigin, parsePlexUrl, parsePmsUrl, parsePublicUrl, parseRedisUrl } from './urls.ts'
import {
  oneOf,
  parseBoolean,
  parseDisplayName,
  parseHeaderText,
  parseInstance,
  parseListenHost,
  parseMachineId,
  parsePort
} from './words.ts'

/** Every setting, in the order of docs/configuration.md, with its form and what it is when unset. */
export const SETTINGS = {
  USHER_PUBLIC_URL: required(parsePublicUrl),
  USHER_ALLOW_HTTP: initially('false', parseBoolean),
  USHER_SESSION_KEYS: secret(required(parseSessionKeys)),
  USHER_SESSION_IDLE: initially('7d', durationUpTo('400d')),
  USHER_SESSION_MAX: initially('30d', durationUpTo('400d')),
  USHER_COOKIE_DOMAIN: optional(parseCookieDomain),
  USHER_INSTANCE: optional(parseInstance),
  USHER_HOST: initially('0.0.0.0', parseListenHost),
  USHER_PORT: initially('8080', parsePort),
  USHER_INTERNAL_HOST: initially('0.0.0.0', parseListenHost),
  USHER_INTERNAL_PORT: initially('9090', parsePort),
  USHER_TRUSTED_PROXIES: initially('', list(parseNetwork)),
  USHER_PLEX_URL: initially('https://plex.tv', parsePlexUrl),
  USHER_PLEX_CLIENTS_URL: initially('https://clients.plex.tv', parsePlexUrl),
  USHER_PLEX_APP_URL: initially('https://app.plex.tv', parsePlexUrl),
  USHER_PMS_URL: optional(parsePmsUrl),
  USHER_PMS_MACHINE_ID: optional(parseMachineId),
  USHER_PMS_CA_FILE: optional(readCertificates),
  USHER_PLEX_TOKEN: secret(optional(parsePlexToken)),
  USHER_ACCESS: initially('server', oneOf('server', 'home', 'owner', 'anyone')),
  USHER_REQUIRE_2FA: initially('none', oneOf('none', 'owner', 'all')),
  USHER_RECHECK: initially('15m', durationUpTo('24h')),
  USHER_OUTAGE_GRACE: initially('24h', durationUpTo('30d')),
  USHER_ALLOWED_ORIGINS: initially('', list(parseOrigin)),
  USHER_ALLOWED_RETURN_ORIGINS: initially('', list(parseOrigin)),
  USHER_CLIENT_NAME: initially('Usher', parseHeaderText),
  USHER_CLIENT_VERSION: optional(parseHeaderText),
  USHER_CLIENT_PLATFORM: initially('Web', parseHeaderText),
  USHER_DEVICE_NAME: optional(parseHeaderText),
  USHER_SERVICES: secret(initially('[]', parseServices)),
  USHER_REDIS_URL: secret(optional(parseRedisUrl)),
  USHER_STATE_DIR: optional(parseStateDirectory),
  USHER_OWNER_ADMIN: initially('false', parseBoolean),
  USHER_UPSTREAM_TIMEOUT: initially('30s', durationUpTo('10m')),
  USHER_DRAIN: initially('30s', durationUpTo('1h')),
  USHER_LOG_LEVEL: initially('info', oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent')),
  USHER_MEDIA_LANE: initially('true', parseBoolean),
  USHER_BRAND_NAME: initially('Usher', parseDisplayName),
  USHER_BRAND_LOGO: optional(readLogo)
} as const satisfies Readonly<Record<string, Setting<unknown>>>

export type SettingName = keyof typeof SETTINGS

/** The value of every setting, by name. */
export type Values = { readonly [Name in SettingName]: ReturnType<(typeof SETTINGS)[Name]['parse']> }
