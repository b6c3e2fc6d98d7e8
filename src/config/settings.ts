import { parseAccount } from './accounts.ts'
import { parseApps } from './apps.ts'
import { durationUpTo } from './durations.ts'
import { parseStateDirectory, readCertificates, readPicture } from './files.ts'
import { parseGroups } from './groups.ts'
import { parseSessionKeys } from './keys.ts'
import { parseCookieDomain, parseNetwork } from './networks.ts'
import { parseOidcClients } from './oidc-clients.ts'
import { parseOidcKeys } from './oidc-keys.ts'
import { parseServices } from './services.ts'
import { initially, list, optional, required, type Setting, secret } from './setting.ts'
import { parsePlexToken } from './tokens.ts'
import {
  parseInternalName,
  parseOrigin,
  parsePlexUrl,
  parsePmsUrl,
  parsePublicUrl,
  parseRedisUrl,
  parseReturnOrigin
} from './urls.ts'
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

/**
 * The one table of settings: parser, default, whether it is a secret, and meaning. The types of the configuration
 * derive from it, and a test compares docs/configuration.md and .env.example with it. What must hold between settings
 * is in cross-checks.ts, under the same names.
 */
export const SETTINGS = {
  USHER_PUBLIC_URL: required(
    parsePublicUrl,
    'The origin, and the base path if any, that browsers use for Usher.'
  ),
  USHER_ALLOW_HTTP: initially('false', parseBoolean, 'Accepts `http:` URLs of hosts that are not loopback.'),
  USHER_SESSION_KEYS: secret(
    required(
      parseSessionKeys,
      'Comma-separated keys `kid:base64url(32 bytes)`: the first seals cookies, all open them.'
    )
  ),
  USHER_SESSION_IDLE: initially('7d', durationUpTo('400d'), 'How long a session lasts without being used.'),
  USHER_SESSION_MAX: initially('30d', durationUpTo('400d'), 'How long a session lasts at most, used or not.'),
  USHER_COOKIE_DOMAIN: optional(
    parseCookieDomain,
    'A parent domain of the public host, so that one sign-in holds for its subdomains.'
  ),
  USHER_INSTANCE: optional(
    parseInstance,
    'Goes into the cookie names, so that two instances can share a host.'
  ),
  USHER_HOST: initially('0.0.0.0', parseListenHost, 'The address of the public listener.'),
  USHER_PORT: initially('8080', parsePort, 'The port of the public listener; `0` picks a free one.'),
  USHER_INTERNAL_HOST: initially(
    '127.0.0.1',
    parseListenHost,
    'The address of the internal listener, for services and operators.'
  ),
  USHER_INTERNAL_PORT: initially(
    '9090',
    parsePort,
    'The port of the internal listener; `0` picks a free one.'
  ),
  USHER_INTERNAL_NAMES: initially(
    '',
    list(parseInternalName),
    'Further host names by which services may call the internal listener.'
  ),
  USHER_TRUSTED_PROXIES: initially(
    '',
    list(parseNetwork),
    'Addresses and networks (CIDR) of reverse proxies whose `X-Forwarded-*` headers are believed.'
  ),
  USHER_ALLOWED_ORIGINS: initially(
    '',
    list(parseOrigin),
    'Exact origins of frontends elsewhere that may call Usher with credentials (CORS).'
  ),
  USHER_ALLOWED_RETURN_ORIGINS: initially(
    '',
    list(parseReturnOrigin),
    'Further origins, and schemes of native apps, that a sign-in may return to.'
  ),
  USHER_PMS_URL: optional(parsePmsUrl, 'The media server of this deployment.'),
  USHER_PMS_MACHINE_ID: optional(
    parseMachineId,
    "The media server's `machineIdentifier`: no token is sent to a server with another one."
  ),
  USHER_PMS_CA_FILE: optional(
    readCertificates,
    'A PEM file of further certificate authorities for the media server.'
  ),
  USHER_PRIVATE_SERVERS: initially(
    'false',
    parseBoolean,
    'Lets media servers that people bring themselves be at private, shared, link-local, unique-local and loopback addresses.'
  ),
  USHER_PLEX_TOKEN: secret(
    optional(
      parsePlexToken,
      "The owner's account token, for re-checks and for services that act for no user."
    )
  ),
  USHER_PLEX_URL: initially('https://plex.tv', parsePlexUrl, 'The base of plex.tv.'),
  USHER_PLEX_CLIENTS_URL: initially(
    'https://clients.plex.tv',
    parsePlexUrl,
    "The base of plex.tv's interface for clients."
  ),
  USHER_PLEX_APP_URL: initially('https://app.plex.tv', parsePlexUrl, "The base of Plex's own sign-in page."),
  USHER_UPSTREAM_TIMEOUT: initially(
    '30s',
    durationUpTo('10m'),
    'How long a media server may take to answer with headers.'
  ),
  USHER_CLIENT_NAME: initially(
    'Usher',
    parseHeaderText,
    "`X-Plex-Product`: how Plex lists Usher among an account's devices."
  ),
  USHER_CLIENT_VERSION: optional(parseHeaderText, '`X-Plex-Version`.'),
  USHER_CLIENT_PLATFORM: initially('Web', parseHeaderText, '`X-Plex-Platform`.'),
  USHER_DEVICE_NAME: optional(parseHeaderText, '`X-Plex-Device-Name`.'),
  USHER_ACCESS: initially(
    'server',
    oneOf('server', 'home', 'owner', 'anyone'),
    'Who may sign in: `server` (has access to the media server), `home` (belongs to its Plex Home), `owner`, or `anyone` with a Plex account.'
  ),
  USHER_ALLOWED_ACCOUNTS: initially(
    '',
    list(parseAccount),
    'Account ids that alone may sign in, of those that `USHER_ACCESS` admits.'
  ),
  USHER_REQUIRE_2FA: initially(
    'none',
    oneOf('none', 'owner', 'all'),
    'Which accounts must have Plex two-factor authentication: `none`, `owner` or `all`.'
  ),
  USHER_RECHECK: initially(
    '15m',
    durationUpTo('24h'),
    "How often a live session's token and access are checked again."
  ),
  USHER_OUTAGE_GRACE: initially(
    '24h',
    durationUpTo('30d'),
    'How long the last good check holds while plex.tv cannot be reached.'
  ),
  USHER_OWNER_ADMIN: initially(
    'false',
    parseBoolean,
    "Lets the owner use the media server's administrative paths through `/pms`."
  ),
  USHER_SERVICES: secret(initially('[]', parseServices, 'The internal services, a JSON array.')),
  USHER_APPS: secret(initially('[]', parseApps, 'The apps behind forward-auth, a JSON array.')),
  USHER_GROUPS: secret(
    initially('{}', parseGroups, 'Groups of people, for apps and clients: a JSON object.')
  ),
  USHER_OIDC_CLIENTS: secret(
    initially('[]', parseOidcClients, 'The apps that sign in by OpenID Connect, a JSON array.')
  ),
  USHER_OIDC_KEYS: secret(
    optional(parseOidcKeys, 'The private JWK set that signs ID tokens and logout tokens.')
  ),
  USHER_REDIS_URL: secret(optional(parseRedisUrl, 'Redis or Valkey, shared by several instances.')),
  USHER_STATE_DIR: optional(
    parseStateDirectory,
    'An existing directory for `usher.db`, so that the state of a single instance survives a restart.'
  ),
  USHER_COMPRESS: initially('true', parseBoolean, 'Compresses textual responses as the client allows.'),
  USHER_OPENAPI: initially(
    'true',
    parseBoolean,
    'Serves the OpenAPI document of the public listener at `/openapi.json`.'
  ),
  USHER_DRAIN: initially('30s', durationUpTo('1h'), 'How long open streams may go on after SIGTERM.'),
  USHER_LOG_LEVEL: initially(
    'info',
    oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'),
    'The least level that is logged: `fatal`, `error`, `warn`, `info`, `debug`, `trace` or `silent`.'
  ),
  USHER_MEDIA_LANE: initially(
    'true',
    parseBoolean,
    "Calls the media server through Usher's own HTTP client instead of undici."
  ),
  USHER_BRAND_NAME: initially('Usher', parseDisplayName, 'The name on the sign-in page.'),
  USHER_BRAND_LOGO: optional(readPicture, 'The path of the picture on the sign-in page.')
} as const satisfies Readonly<Record<string, Setting<unknown>>>

export type SettingName = keyof typeof SETTINGS

/** The value of every setting, by name. */
export type Values = { readonly [Name in SettingName]: ReturnType<(typeof SETTINGS)[Name]['parse']> }
