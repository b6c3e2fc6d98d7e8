import { createHash, generateKeyPairSync } from 'node:crypto'
import { chmodSync, chownSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import t from 'tap'
import { ConfigError, loadConfig } from '../../../src/config/config.ts'
import { SETTINGS } from '../../../src/config/settings.ts'
import { weakness } from '../../../src/config/weakness.ts'
import { fc } from '../../support/properties.ts'

type Env = Record<string, string | undefined>

/** Bytes that look random, and are the same in each run. */
const bytesOf = (name: string): Buffer => createHash('sha256').update(name).digest()
const SECRET = bytesOf('a secret')
const KEY = `k1:${SECRET.toString('base64url')}`
const OTHER = `k2:${bytesOf('another').toString('base64url')}`
const TOKEN = 'sim-own-tok-Ab3dE6gH'
const HASH = hashOf('a service secret')
const PMS = 'http://pms:32400'
const BASE: Env = {
  USHER_PUBLIC_URL: 'https://usher.example.com',
  USHER_SESSION_KEYS: KEY,
  USHER_PMS_URL: PMS
}
/** Without a media server, which has to be said. */
const NO_PMS: Env = { USHER_PMS_URL: undefined, USHER_ACCESS: 'anyone' }

/** A self-signed certificate made for these tests alone; it guards nothing. */
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBhzCCAS2gAwIBAgIUDQobuFc6OqgBng00wRI42WTPn3swCgYIKoZIzj0EAwIw
GDEWMBQGA1UEAwwNdXNoZXItdGVzdC1jYTAgFw0yNjExMjQwNTE2NDVaGA8yMTI2
MTAzMTA1MTY0NVowGDEWMBQGA1UEAwwNdXNoZXItdGVzdC1jYTBZMBMGByqGSM49
AgEGCCqGSM49AwEHA0IABGCej1tJadm7AHWoksN5UzvLzz6+hFKxu3qXMFHNfp88
5fOj0nNVE5dgH/qA/XTiBkR7tWReZkvTUdcA1zzR89KjUzBRMB0GA1UdDgQWBBS1
8e7ysvFmgYUu/+/wEM+JJ5ScmDAfBgNVHSMEGDAWgBS18e7ysvFmgYUu/+/wEM+J
J5ScmDAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIQDqrf1+f8wL
UnVfowpDcsS3aiDxBlB5HOQH8TCTkGtT6AIgJpJ8GqaY6p/OADKfKeWZ8S0CvEzz
dkFw7HK0U2tqiK8=
-----END CERTIFICATE-----
`

function hashOf(secret: string): string {
  return `sha256:${createHash('sha256').update(secret).digest('hex')}`
}

function load(env: Env) {
  return loadConfig({ ...BASE, ...env })
}

/** The problems of an environment; none where it loads. */
function problemsOf(env: Env): readonly string[] {
  try {
    loadConfig(env)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}

function problems(env: Env): readonly string[] {
  return problemsOf({ ...BASE, ...env })
}

function keyOf(bytes: Buffer | string): string {
  return `k9:${Buffer.from(bytes).toString('base64url')}`
}

function services(...entries: unknown[]): string {
  return JSON.stringify(entries)
}

const APP = {
  id: 'wiki',
  name: 'Wiki',
  url: 'https://wiki.example.com/',
  access: { roles: ['home'], libraries: ['Films'] }
}
const CLIENT = {
  id: 'photos',
  secretHashes: [hashOf('a client secret')],
  redirectUris: ['https://photos.example.com/auth/login']
}

/** A private key as an entry of USHER_OIDC_KEYS. */
function oidcKey(kid: string, modulusLength = 2048): Record<string, unknown> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength })
  return { ...privateKey.export({ format: 'jwk' }), kid, alg: 'RS256', use: 'sig' }
}

const SERVICE = { id: 'poster-wall', secretHashes: [HASH], grants: ['transient:session'] }

t.test('three settings are enough, and the rest has the defaults of the contract', async (t) => {
  const config = loadConfig(BASE)
  const { sessionKeys, ...rest } = config
  t.strictSame(
    sessionKeys.map(({ kid, secret }) => ({ kid, secret })),
    [{ kid: 'k1', secret: SECRET }]
  )
  t.strictSame(
    { ...rest },
    {
      publicUrl: {
        href: 'https://usher.example.com',
        origin: 'https://usher.example.com',
        basePath: '',
        hostname: 'usher.example.com',
        secure: true
      },
      listen: { host: '0.0.0.0', port: 8080 },
      internalListen: { host: '127.0.0.1', port: 9090 },
      internalNames: [],
      sessionIdleMs: 7 * 86_400_000,
      sessionMaxMs: 30 * 86_400_000,
      cookieDomain: null,
      instance: null,
      trustedProxies: [],
      plexUrl: 'https://plex.tv',
      plexClientsUrl: 'https://clients.plex.tv',
      plexAppUrl: 'https://app.plex.tv',
      pms: { url: PMS, machineId: null, ca: null },
      privateServers: false,
      plexToken: null,
      access: 'server',
      allowedAccounts: [],
      requireTwoFactor: 'none',
      recheckMs: 15 * 60_000,
      outageGraceMs: 24 * 3_600_000,
      allowedOrigins: [],
      allowedReturnOrigins: [],
      client: {
        product: 'Usher',
        version: JSON.parse(readFileSync('package.json', 'utf8')).version,
        platform: 'Web',
        deviceName: 'usher.example.com'
      },
      services: [],
      apps: [],
      groups: [],
      oidc: { clients: [], keys: [] },
      redisUrl: null,
      stateDir: null,
      ownerAdmin: false,
      upstreamTimeoutMs: 30_000,
      drainMs: 30_000,
      logLevel: 'info',
      mediaLane: true,
      compress: true,
      openApi: true,
      brand: { name: 'Usher', logo: null },
      warnings: []
    }
  )
})

t.test('every setting reaches the configuration', async (t) => {
  const dir = t.testdir({
    'ca.pem': `some words before\n${CERTIFICATE}`,
    'logo.svg': '<svg xmlns="x"></svg>',
    state: {}
  })
  chmodSync(join(dir, 'state'), 0o700)
  const key = oidcKey('k1')
  const config = load({
    USHER_PUBLIC_URL: 'https://home.example.com:8443/usher/',
    USHER_ALLOW_HTTP: 'true',
    USHER_SESSION_KEYS: `${OTHER} , ${KEY}`,
    USHER_SESSION_IDLE: '20s',
    USHER_SESSION_MAX: '12h',
    USHER_COOKIE_DOMAIN: '.Example.com',
    USHER_INSTANCE: 'blue-1',
    USHER_HOST: '127.0.0.1',
    USHER_PORT: '0',
    USHER_INTERNAL_HOST: '::1',
    USHER_INTERNAL_PORT: '0',
    USHER_INTERNAL_NAMES: 'Usher.Example.net, usher.lan',
    USHER_TRUSTED_PROXIES: '10.0.0.0/8, 192.0.2.7,fd00::/8, ::1',
    USHER_PLEX_URL: 'http://127.0.0.1:4001',
    USHER_PLEX_CLIENTS_URL: 'http://localhost:4002/',
    USHER_PLEX_APP_URL: 'http://[::1]:4003',
    USHER_PMS_URL: 'http://192.168.1.5:32400/',
    USHER_PMS_MACHINE_ID: 'a1b2c3d4e5f60718293a4b5c6d7e8f9012345678',
    USHER_PMS_CA_FILE: join(dir, 'ca.pem'),
    USHER_PLEX_TOKEN: TOKEN,
    USHER_ACCESS: 'home',
    USHER_ALLOWED_ACCOUNTS: '1234, Friend@Example.com,Someone',
    USHER_REQUIRE_2FA: 'owner',
    USHER_RECHECK: '5m',
    USHER_OUTAGE_GRACE: '2d',
    USHER_ALLOWED_ORIGINS: 'https://app.example.com,http://wall.example.com:3000',
    USHER_ALLOWED_RETURN_ORIGINS: 'https://wiki.example.com,com.example.App://',
    USHER_CLIENT_NAME: 'Heimkino Köln',
    USHER_CLIENT_VERSION: '2.0',
    USHER_CLIENT_PLATFORM: 'TV',
    USHER_DEVICE_NAME: 'living room',
    USHER_SERVICES: services({ ...SERVICE, grants: ['sources', 'transient:owner'], maxTtl: '1h' }),
    USHER_APPS: services({ ...APP, hosts: ['Wiki.Example.com:443'], headers: { 'X-Api-Key': 'abc' } }),
    USHER_GROUPS: '{"family":[7,"role:home","library:Films"]}',
    USHER_OIDC_CLIENTS: services({ ...CLIENT, app: 'wiki' }),
    USHER_OIDC_KEYS: JSON.stringify({ keys: [key] }),
    USHER_REDIS_URL: 'rediss://:pass%2Fword@valkey:6380/2',
    USHER_STATE_DIR: join(dir, 'state'),
    USHER_OWNER_ADMIN: 'true',
    USHER_UPSTREAM_TIMEOUT: '5s',
    USHER_DRAIN: '1m',
    USHER_LOG_LEVEL: 'debug',
    USHER_MEDIA_LANE: 'false',
    USHER_COMPRESS: 'false',
    USHER_OPENAPI: 'false',
    USHER_BRAND_NAME: '映画館',
    USHER_BRAND_LOGO: join(dir, 'logo.svg')
  })
  const { sessionKeys, pms, services: known, apps, oidc, brand, ...rest } = config
  t.strictSame(
    sessionKeys.map(({ kid }) => kid),
    ['k2', 'k1'],
    'the first key stays first'
  )
  t.equal(pms.ca, CERTIFICATE, 'nothing but the certificate is kept of the file')
  t.strictSame(
    [pms.url, pms.machineId],
    ['http://192.168.1.5:32400', 'a1b2c3d4e5f60718293a4b5c6d7e8f9012345678']
  )
  t.strictSame(
    known.map((service) => ({ ...service })),
    [{ id: 'poster-wall', secretHashes: [HASH], grants: ['sources', 'transient:owner'], maxTtlMs: 3_600_000 }]
  )
  t.strictSame(
    apps.map((app) => ({ ...app })),
    [
      {
        ...APP,
        hosts: ['wiki.example.com'],
        access: { roles: ['home'], libraries: ['Films'], accounts: [], groups: [] },
        headers: { 'x-api-key': 'abc' },
        icon: null
      }
    ]
  )
  t.strictSame(
    oidc.clients.map((client) => ({ ...client })),
    [
      {
        id: 'photos',
        name: 'Wiki',
        secretHashes: [hashOf('a client secret')],
        redirectUris: ['https://photos.example.com/auth/login'],
        postLogoutRedirectUris: [],
        backchannelLogoutUri: null,
        pkce: 'required',
        refresh: false,
        access: apps[0]?.access,
        idTokenAlg: 'RS256',
        app: 'wiki',
        icon: null
      }
    ],
    'name and access come from the app'
  )
  t.strictSame(
    oidc.keys.map((made) => ({ ...made })),
    [{ kid: 'k1', alg: 'RS256', jwk: key }]
  )
  t.strictSame(brand, {
    name: '映画館',
    logo: { type: 'image/svg+xml', body: Buffer.from('<svg xmlns="x"></svg>') }
  })
  t.strictSame(
    { ...rest },
    {
      publicUrl: {
        href: 'https://home.example.com:8443/usher',
        origin: 'https://home.example.com:8443',
        basePath: '/usher',
        hostname: 'home.example.com',
        secure: true
      },
      listen: { host: '127.0.0.1', port: 0 },
      internalListen: { host: '::1', port: 0 },
      internalNames: ['usher.example.net', 'usher.lan'],
      sessionIdleMs: 20_000,
      sessionMaxMs: 43_200_000,
      cookieDomain: 'example.com',
      instance: 'blue-1',
      trustedProxies: ['10.0.0.0/8', '192.0.2.7', 'fd00::/8', '::1'],
      plexUrl: 'http://127.0.0.1:4001',
      plexClientsUrl: 'http://localhost:4002',
      plexAppUrl: 'http://[::1]:4003',
      privateServers: false,
      plexToken: TOKEN,
      access: 'home',
      allowedAccounts: [{ id: 1234 }, { email: 'friend@example.com' }, { username: 'someone' }],
      requireTwoFactor: 'owner',
      recheckMs: 300_000,
      outageGraceMs: 172_800_000,
      allowedOrigins: ['https://app.example.com', 'http://wall.example.com:3000'],
      allowedReturnOrigins: ['https://wiki.example.com', 'com.example.app:'],
      client: { product: 'Heimkino Köln', version: '2.0', platform: 'TV', deviceName: 'living room' },
      groups: [{ name: 'family', accounts: [7], roles: ['home'], libraries: ['Films'] }],
      redisUrl: 'rediss://:pass%2Fword@valkey:6380/2',
      stateDir: join(dir, 'state'),
      ownerAdmin: true,
      upstreamTimeoutMs: 5_000,
      drainMs: 60_000,
      logLevel: 'debug',
      mediaLane: false,
      compress: false,
      openApi: false,
      warnings: [
        'USHER_ALLOWED_ACCOUNTS has usernames or e-mail addresses, which can pass to another person: numeric account ids cannot'
      ]
    }
  )
})

t.test('an empty variable is an unset one', async (t) => {
  const empty = Object.fromEntries(Object.keys(SETTINGS).map((name) => [name, '']))
  t.strictSame(loadConfig({ ...empty, ...BASE }), loadConfig(BASE))
  t.match(problemsOf(empty), [
    'USHER_PUBLIC_URL is required',
    'USHER_SESSION_KEYS is required',
    'USHER_ACCESS needs USHER_PMS_URL'
  ])
})

t.test('variables of other programs are none of our business', async (t) => {
  t.strictSame(problems({ PATH: '/bin', usher_port: 'x', NODE_ENV: 'production', XUSHER_PORT: '1' }), [])
})

/** [variable, value, words that the one problem holds]. */
const REFUSED: readonly (readonly [string, string, string])[] = [
  ['USHER_PUBLIC_URL', 'usher.example.com', 'absolute http: or https: URL'],
  ['USHER_PUBLIC_URL', 'ftp://usher.example.com', 'absolute http: or https: URL'],
  ['USHER_PUBLIC_URL', 'https:usher.example.com', 'absolute http: or https: URL'],
  ['USHER_PUBLIC_URL', 'https://usher.example.com\\x', 'absolute http: or https: URL'],
  ['USHER_PUBLIC_URL', ' https://usher.example.com', 'absolute http: or https: URL'],
  ['USHER_PUBLIC_URL', 'https://usher.example.com:99999', 'absolute http: or https: URL'],
  ['USHER_PUBLIC_URL', 'https://[::1', 'absolute http: or https: URL'],
  ['USHER_PUBLIC_URL', 'https://usher.example.com:0', 'port 0'],
  ['USHER_PUBLIC_URL', 'https://usher.example.com.', 'dot at its end'],
  ['USHER_PUBLIC_URL', 'https://me:pass@usher.example.com', 'credentials'],
  ['USHER_PUBLIC_URL', 'https://@usher.example.com', 'credentials'],
  ['USHER_PUBLIC_URL', 'https://usher.example.com/?', 'no query and no fragment'],
  ['USHER_PUBLIC_URL', 'https://usher.example.com/#', 'no query and no fragment'],
  ['USHER_PUBLIC_URL', 'https://usher.example.com/a//b', 'base path'],
  ['USHER_PUBLIC_URL', 'https://usher.example.com//', 'base path'],
  ['USHER_PUBLIC_URL', 'https://usher.example.com/%2e', 'percent-encoding'],
  ['USHER_PUBLIC_URL', 'https://usher.example.com/a;b', 'base path'],
  ['USHER_PUBLIC_URL', 'https://usher.example.com/a/../b', 'no . or .. segment'],
  ['USHER_PUBLIC_URL', 'http://usher.example.com', 'USHER_ALLOW_HTTP=true'],
  ['USHER_PUBLIC_URL', 'http://192.168.1.5:8080', 'USHER_ALLOW_HTTP=true'],
  ['USHER_PUBLIC_URL', 'http://127.0.0.1.example.com', 'USHER_ALLOW_HTTP=true'],
  ['USHER_ALLOW_HTTP', 'yes', 'true or false'],
  ['USHER_OWNER_ADMIN', '1', 'true or false'],
  ['USHER_MEDIA_LANE', 'TRUE', 'true or false'],
  ['USHER_SESSION_IDLE', '7', 'duration'],
  ['USHER_SESSION_IDLE', '0s', 'longer than nothing'],
  ['USHER_SESSION_IDLE', '-1h', 'duration'],
  ['USHER_SESSION_IDLE', '1.5h', 'duration'],
  ['USHER_SESSION_IDLE', '31d', 'must not be longer than USHER_SESSION_MAX'],
  ['USHER_SESSION_MAX', '401d', 'at most 400d'],
  ['USHER_SESSION_MAX', '1w', 'duration'],
  ['USHER_RECHECK', '15 m', 'duration'],
  ['USHER_RECHECK', '25h', 'at most 24h'],
  ['USHER_OUTAGE_GRACE', '1m', 'USHER_RECHECK must not be longer than USHER_OUTAGE_GRACE'],
  ['USHER_UPSTREAM_TIMEOUT', '11m', 'at most 10m'],
  ['USHER_DRAIN', '999999999999s', 'duration'],
  ['USHER_COOKIE_DOMAIN', 'other.com', 'parent domain'],
  ['USHER_COOKIE_DOMAIN', 'sher.example.com', 'parent domain'],
  ['USHER_COOKIE_DOMAIN', 'sub.usher.example.com', 'parent domain'],
  ['USHER_COOKIE_DOMAIN', 'com', 'two labels'],
  ['USHER_COOKIE_DOMAIN', '192.168.1.5', 'IP address'],
  ['USHER_COOKIE_DOMAIN', '[::1]', 'IP address'],
  ['USHER_COOKIE_DOMAIN', 'example.com; Secure', 'must be a domain'],
  ['USHER_COOKIE_DOMAIN', 'example..com', 'must be a domain'],
  ['USHER_INSTANCE', 'blue;1', 'letters, digits'],
  ['USHER_INSTANCE', 'signin', 'signin or device'],
  ['USHER_INSTANCE', 'blue-device', 'signin or device'],
  ['USHER_HOST', '[::1]', 'IP address'],
  ['USHER_HOST', '0.0.0.0:8080', 'IP address'],
  ['USHER_INTERNAL_HOST', '12', 'IP address'],
  ['USHER_PORT', '65536', 'port from 0 to 65535'],
  ['USHER_PORT', '-1', 'port from 0 to 65535'],
  ['USHER_PORT', '80a', 'port from 0 to 65535'],
  ['USHER_PORT', '9090', 'USHER_INTERNAL_PORT must differ'],
  ['USHER_PLEX_URL', 'http://plex.tv', 'https:'],
  ['USHER_PLEX_URL', 'https://plex.tv/api', 'without a path'],
  ['USHER_PLEX_CLIENTS_URL', 'http://10.0.0.1', 'https:'],
  ['USHER_PLEX_APP_URL', 'app.plex.tv', 'absolute'],
  ['USHER_PMS_URL', 'http://pms:32400/web', 'without a path'],
  ['USHER_PMS_URL', 'http://pms:32400?X-Plex-Token=abc', 'no query'],
  ['USHER_PMS_MACHINE_ID', 'a b c d e f', 'machineIdentifier'],
  ['USHER_PRIVATE_SERVERS', 'true', 'beside USHER_PMS_URL'],
  ['USHER_PLEX_TOKEN', 'with a blank inside', 'no blank'],
  ['USHER_PLEX_TOKEN', 'short', '16 to 4096'],
  ['USHER_PLEX_TOKEN', 'your-token-goes-here', 'placeholder'],
  ['USHER_ACCESS', 'everyone', 'one of server, home, owner, anyone'],
  ['USHER_ACCESS', 'Server', 'one of server, home, owner, anyone'],
  ['USHER_REQUIRE_2FA', 'true', 'one of none, owner, all'],
  ['USHER_LOG_LEVEL', 'verbose', 'one of fatal'],
  ['USHER_ALLOWED_ORIGINS', '*', 'wildcards'],
  ['USHER_ALLOWED_ORIGINS', 'https://*.example.com', 'wildcards'],
  ['USHER_ALLOWED_ORIGINS', 'null', 'null'],
  ['USHER_ALLOWED_ORIGINS', 'https://app.example.com/x', 'without a path'],
  ['USHER_ALLOWED_ORIGINS', 'https://app.example.com,,https://b.example.com', 'entry 2 is empty'],
  ['USHER_ALLOWED_ORIGINS', 'http://app.example.com', 'entry 1 must be https:'],
  ['USHER_ALLOWED_RETURN_ORIGINS', 'https://a.example.com,http://b.example.com', 'entry 2 must be https:'],
  ['USHER_ALLOWED_RETURN_ORIGINS', 'javascript:', 'entry 1 must be an absolute http: or https: URL'],
  ['USHER_ALLOWED_RETURN_ORIGINS', 'myapp://', 'entry 1 must be an absolute http: or https: URL'],
  ['USHER_REDIS_URL', 'redis://:50%off@valkey', 'percent-encoded'],
  ['USHER_REDIS_URL', 'redis://:%@valkey', 'percent-encoded'],
  ['USHER_INTERNAL_NAMES', 'usher.lan:9090', 'entry 1 must be a host name without a port'],
  ['USHER_INTERNAL_NAMES', '*.lan', 'no wildcard'],
  ['USHER_INTERNAL_NAMES', 'https://usher.lan', 'must be host names'],
  ['USHER_ALLOWED_ACCOUNTS', '012', 'numeric account id'],
  ['USHER_ALLOWED_ACCOUNTS', '0', 'numeric account id'],
  ['USHER_ALLOWED_ACCOUNTS', 'a@b@c', 'one @'],
  ['USHER_ALLOWED_ACCOUNTS', '1,two words', 'entry 2 must be'],
  ['USHER_COMPRESS', 'gzip', 'true or false'],
  ['USHER_OPENAPI', '0', 'true or false'],
  ['USHER_STATE_DIR', '/nowhere/usher', 'cannot be used (ENOENT): /nowhere/usher'],
  ['USHER_REDIS_URL', 'valkey:6379', 'redis: or rediss: URL'],
  ['USHER_REDIS_URL', 'http://valkey:6379', 'redis: or rediss: URL'],
  ['USHER_REDIS_URL', 'redis://valkey:6379/0?tls=true', 'no query'],
  ['USHER_REDIS_URL', 'redis://valkey:6379/sessions', 'database number'],
  ['USHER_BRAND_NAME', 'a\u202eb', 'invisible'],
  ['USHER_BRAND_NAME', ' Usher', 'blank'],
  ['USHER_BRAND_NAME', 'x'.repeat(65), 'at most 64'],
  ['USHER_CLIENT_NAME', 'x'.repeat(129), 'at most 128'],
  ['USHER_CLIENT_NAME', '映画館', 'Latin-1'],
  ['USHER_DEVICE_NAME', 'room ', 'blank']
]

t.test('a value that is not of its form is refused with words that name the variable', async (t) => {
  for (const [name, value, words] of REFUSED) {
    const told = problems({ [name]: value })
    t.equal(told.length, 1, `${name}=${value}: one problem`)
    t.ok(told[0]?.includes(name) && told[0].includes(words), `${name}=${value}: ${told[0]}`)
  }
})

t.test('plain HTTP is for loopback hosts, or said to be wanted', async (t) => {
  for (const host of ['localhost:8080', '127.0.0.1', '127.8.9.1:80', '[::1]:8080', 'usher.localhost']) {
    t.equal(load({ USHER_PUBLIC_URL: `http://${host}` }).publicUrl.secure, false, host)
  }
  const allowed = load({ USHER_PUBLIC_URL: 'http://192.168.1.5:8080', USHER_ALLOW_HTTP: 'true' })
  t.equal(allowed.publicUrl.href, 'http://192.168.1.5:8080')
  t.equal(load({ USHER_ALLOWED_ORIGINS: 'http://localhost:5173' }).allowedOrigins[0], 'http://localhost:5173')
})

t.test('a cookie domain is the host itself or a parent of it', async (t) => {
  t.equal(load({ USHER_COOKIE_DOMAIN: 'usher.example.com' }).cookieDomain, 'usher.example.com')
  t.equal(load({ USHER_COOKIE_DOMAIN: 'example.com' }).cookieDomain, 'example.com')
  const told = problems({ USHER_PUBLIC_URL: 'https://192.168.1.5', USHER_COOKIE_DOMAIN: 'example.com' })
  t.match(told, ['USHER_COOKIE_DOMAIN cannot be used with an IP address in USHER_PUBLIC_URL'])
  t.equal(told.length, 1)
})

t.test('all problems are told at once, in one error', async (t) => {
  const told = problemsOf({
    USHER_SESSION_KEYS: 'nonsense',
    USHER_PORT: 'x',
    USHER_TRUSTED_PROXIES: 'true,10.0.0.1,*',
    USHER_TPYO: '1',
    USHER_OWNER_ADMIN: 'maybe',
    USHER_SERVICES: services({ id: 'a.b' }, SERVICE, SERVICE),
    USHER_PMS_URL: PMS
  })
  t.match(told, [
    'USHER_TPYO is not a setting',
    'USHER_PUBLIC_URL is required',
    'USHER_SESSION_KEYS entry 1 must be written kid:base64url',
    'USHER_PORT must be a port',
    'USHER_TRUSTED_PROXIES entry 1 must be an IP address or CIDR',
    'USHER_TRUSTED_PROXIES entry 3 must be an IP address or CIDR',
    'USHER_OWNER_ADMIN must be true or false',
    'USHER_SERVICES entry 1: id must be',
    'USHER_SERVICES entry 1: secretHashes must be',
    'USHER_SERVICES entry 1: grants must be',
    'USHER_SERVICES entry 3: id is used by an earlier entry',
    'USHER_SERVICES entry 3: shares a secret'
  ])
  t.equal(told.length, 12)
  t.match(new ConfigError(told).message, told.join('\n  '))
})

t.test('without a media server everybody has to be admitted in so many words', async (t) => {
  for (const access of [undefined, 'server', 'home', 'owner']) {
    t.strictSame(problems({ USHER_PMS_URL: undefined, USHER_ACCESS: access }), [
      'USHER_ACCESS needs USHER_PMS_URL: set that to the address of your media server, or set USHER_ACCESS=anyone to admit everybody with a Plex account'
    ])
  }
  t.equal(load(NO_PMS).pms.url, null)
  t.equal(load({ ...NO_PMS, USHER_PRIVATE_SERVERS: 'true' }).privateServers, true)
  t.strictSame(problems({ ...NO_PMS, USHER_PMS_MACHINE_ID: 'a1b2c3d4e5f60718' }), [
    'USHER_PMS_MACHINE_ID needs USHER_PMS_URL'
  ])
})

t.test('variables that Kubernetes makes for a Service are ignored, with one warning', async (t) => {
  const links: Env = {
    USHER_SERVICE_HOST: '10.96.0.17',
    USHER_SERVICE_PORT: '8080',
    USHER_SERVICE_PORT_HTTP: '8080',
    USHER_PORT: 'tcp://10.96.0.17:8080',
    USHER_PORT_8080_TCP: 'tcp://10.96.0.17:8080',
    USHER_PORT_8080_TCP_PROTO: 'tcp',
    USHER_PORT_8080_TCP_PORT: '8080',
    USHER_PORT_8080_TCP_ADDR: '10.96.0.17',
    USHER_INTERNAL_SERVICE_HOST: 'fd00::17',
    USHER_INTERNAL_PORT: 'tcp://[fd00::17]:9090',
    USHER_INTERNAL_PORT_9090_TCP_ADDR: 'fd00::17',
    USHER_STAGING_2_SERVICE_PORT: '80'
  }
  const config = load(links)
  t.equal(config.listen.port, 8080)
  t.equal(config.internalListen.port, 9090)
  t.equal(config.warnings.length, 1)
  for (const name of Object.keys(links)) t.ok(config.warnings[0]?.includes(name), name)
  t.match(config.warnings[0], 'enableServiceLinks: false')
  t.notMatch(config.warnings[0], /10\.96|fd00/)
  for (const [name, value] of [
    ['USHER_SERVICE_HOST', 'usher.example.com'],
    ['USHER_SERVICE_PORT', 'http'],
    ['USHER_SERVICES_PORT', 'x'],
    ['USHER_PORT_8080', 'tcp://10.96.0.17:8080'],
    ['USHER_INTERNAL_PROT', '9090'],
    ['USHER_PORT_8080_TCP_PROTO', 'http']
  ] as const)
    t.strictSame(problems({ [name]: value }), [`${name} is not a setting`])
  t.match(problems({ USHER_PORT: 'tcp://' }), ['USHER_PORT must be a port'])
})

t.test('a value in quotes is refused with the reason, in a variable and in a file', async (t) => {
  const dir = t.testdir({ key: `"${KEY}"\n` })
  for (const quote of ['"', "'"])
    for (const [name, value] of [
      ['USHER_PUBLIC_URL', 'https://usher.example.com'],
      ['USHER_BRAND_NAME', 'Our cinema'],
      ['USHER_PORT', '8080'],
      ['USHER_SERVICES', '[]'],
      ['USHER_REDIS_URL', 'redis://valkey']
    ] as const)
      t.strictSame(problems({ [name]: quote + value + quote }), [
        `${name} is in quotes, which are part of the value here: remove them`
      ])
  t.match(problems({ USHER_SESSION_KEYS: undefined, USHER_SESSION_KEYS_FILE: join(dir, 'key') }), [
    'in quotes'
  ])
  t.match(problems({ USHER_PLEX_TOKEN_FILE: `"${join(dir, 'key')}"` }), ['in quotes'])
  t.equal(load({ USHER_BRAND_NAME: 'Rick\'s "Café"' }).brand.name, 'Rick\'s "Café"')
})

t.test(
  'a file that cannot be read is named by its path and the user, unless it looks like no path',
  async (t) => {
    t.match(problems({ USHER_PLEX_TOKEN_FILE: '/run/secrets/none' }), [
      `USHER_PLEX_TOKEN_FILE names a file that cannot be read (ENOENT): /run/secrets/none, as user ${process.getuid?.()}`
    ])
    t.strictSame(problems({ USHER_PLEX_TOKEN_FILE: TOKEN }), [
      `USHER_PLEX_TOKEN_FILE names a file that cannot be read (ENOENT), as user ${process.getuid?.()}`
    ])
  }
)

t.test('the state directory is there, and nobody else can write to it', async (t) => {
  const dir = t.testdir({ own: {}, read: {}, group: {}, all: {}, file: '' })
  for (const [name, mode] of [
    ['own', 0o700],
    ['read', 0o755],
    ['group', 0o770],
    ['all', 0o777]
  ] as const)
    chmodSync(join(dir, name), mode)
  const told = (name: string) => problems({ USHER_STATE_DIR: join(dir, name) })
  t.strictSame(told('own'), [])
  t.strictSame(told('read'), [], 'its file is readable to Usher alone')
  for (const name of ['group', 'all'])
    t.strictSame(told(name), [
      'USHER_STATE_DIR names a directory that other users can write to: chmod 700 it'
    ])
  t.strictSame(told('file'), ['USHER_STATE_DIR must name a directory'])
  t.match(told('missing'), ['cannot be used (ENOENT)'])
  if (process.getuid?.() === 0) {
    chownSync(join(dir, 'own'), 1000, 1000)
    t.strictSame(told('own'), [
      'USHER_STATE_DIR names a directory of user 1000: it must belong to the user of Usher, 0'
    ])
  }
})

t.test('an unknown USHER_ variable refuses to start, and only its name is told', async (t) => {
  t.strictSame(problems({ USHER_PROT: '8080' }), ['USHER_PROT is not a setting'])
  t.strictSame(problems({ USHER_TEST_REQUIRE: 'all' }), ['USHER_TEST_REQUIRE is not a setting'])
  t.strictSame(problems({ USHER_TPYO_FILE: '/x' }), ['USHER_TPYO_FILE is not a setting'])
  t.strictSame(problems({ USHER_toString: 'x' }), ['USHER_… is not a setting'])
  t.strictSame(problems({ USHER_PORT_FILE: '/x' }), [
    'USHER_PORT_FILE is not a setting: only secrets can come from a file'
  ])
  t.strictSame(problems({ [`USHER_SESSION_KEYS ${KEY}`]: '' }), ['USHER_SESSION_KEYS… is not a setting'])
})

/** What a secret needs beside it. */
const NEEDED: Readonly<Record<string, Env>> = {
  USHER_OIDC_CLIENTS: { USHER_OIDC_KEYS: JSON.stringify({ keys: [oidcKey('k1')] }) }
}

t.test('rule 68: every secret may come from a file, and from one place only', async (t) => {
  const values: Env = {
    USHER_SESSION_KEYS: OTHER,
    USHER_PLEX_TOKEN: TOKEN,
    USHER_SERVICES: services(SERVICE),
    USHER_APPS: services(APP),
    USHER_GROUPS: '{"family":[7]}',
    USHER_OIDC_CLIENTS: services(CLIENT),
    USHER_OIDC_KEYS: JSON.stringify({ keys: [oidcKey('k1')] }),
    USHER_REDIS_URL: 'redis://:a-password@valkey:6379'
  }
  t.strictSame(
    Object.entries(SETTINGS).flatMap(([name, setting]) => (setting.secret ? [name] : [])),
    Object.keys(values),
    'these are the secrets'
  )
  const dir = t.testdir({
    ...values,
    empty: '\n',
    lines: 'a\nb\n',
    crlf: `${OTHER}\r\n`,
    big: 'x'.repeat(300_000)
  })
  for (const [name, value = ''] of Object.entries(values)) {
    const path = join(dir, name)
    const others = { ...BASE, [name]: undefined, ...NEEDED[name] }
    const uid = `as user ${process.getuid?.()}`
    const direct = loadConfig({ ...others, [name]: value })
    const filed = loadConfig({ ...others, [`${name}_FILE`]: path })
    t.strictSame({ ...filed }, { ...direct }, `${name} from a file is the same`)
    t.strictSame(problemsOf({ ...others, [name]: value, [`${name}_FILE`]: path }), [
      `${name} is set twice, also as ${name}_FILE`
    ])
    t.strictSame(problemsOf({ ...others, [`${name}_FILE`]: join(dir, 'missing') }), [
      `${name}_FILE names a file that cannot be read (ENOENT): ${join(dir, 'missing')}, ${uid}`
    ])
    t.strictSame(problemsOf({ ...others, [`${name}_FILE`]: dir }), [
      `${name}_FILE names a file that cannot be read (EISDIR): ${dir}, ${uid}`
    ])
    t.strictSame(problemsOf({ ...others, [`${name}_FILE`]: join(dir, 'empty') }), [
      `${name}_FILE names a file that is empty`
    ])
    t.strictSame(problemsOf({ ...others, [`${name}_FILE`]: join(dir, 'big') }), [
      `${name}_FILE names a file above 256 KiB`
    ])
    t.match(problemsOf({ ...others, [`${name}_FILE`]: join(dir, 'lines') }), [`${name} (from ${name}_FILE)`])
  }
  const env = { ...BASE, USHER_SESSION_KEYS: undefined }
  t.equal(loadConfig({ ...env, USHER_SESSION_KEYS_FILE: join(dir, 'crlf') }).sessionKeys[0]?.kid, 'k2')
})

t.test('one newline at the end of a secret file is not part of the secret, a second one is', async (t) => {
  const dir = t.testdir({ one: `${TOKEN}\n`, two: `${TOKEN}\n\n` })
  t.equal(load({ USHER_PLEX_TOKEN_FILE: join(dir, 'one') }).plexToken, TOKEN)
  t.match(problems({ USHER_PLEX_TOKEN_FILE: join(dir, 'two') }), [
    'USHER_PLEX_TOKEN (from USHER_PLEX_TOKEN_FILE)'
  ])
})

t.test('a file of services may be laid out over several lines', async (t) => {
  const dir = t.testdir({ services: JSON.stringify([SERVICE], null, 2) })
  t.equal(load({ USHER_SERVICES_FILE: join(dir, 'services') }).services[0]?.id, 'poster-wall')
})

t.test('rule 9: a key that is not random, short, long or double is refused in every position', async (t) => {
  const bad: readonly (readonly [string, string])[] = [
    ['k9', 'kid:base64url'],
    ['k9:', 'kid:base64url'],
    [`k9:${OTHER}`, 'kid:base64url'],
    [`:${OTHER.slice(3)}`, 'key id'],
    [`a.b:${OTHER.slice(3)}`, 'key id'],
    [`${'k'.repeat(17)}:${OTHER.slice(3)}`, 'key id'],
    [keyOf(bytesOf('31').subarray(1)), 'exactly 32 bytes, not 31'],
    [keyOf(Buffer.concat([bytesOf('33'), bytesOf('33').subarray(31)])), 'exactly 32 bytes, not 33'],
    [keyOf(bytesOf('16').subarray(16)), 'exactly 32 bytes, not 16'],
    [`${keyOf(bytesOf('32'))}=`, 'canonical'],
    [`k9:${Buffer.alloc(32, 0xfb).toString('base64')}`, 'canonical'],
    ['k9:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB', 'canonical'],
    [`k9:${bytesOf('hex').toString('hex')}`, 'exactly 32 bytes, not 48'],
    [keyOf(Buffer.alloc(32)), 'repeats itself'],
    [keyOf(Buffer.alloc(32, 'q')), 'repeats itself'],
    [keyOf(Buffer.alloc(32, 'changeme')), 'repeats itself'],
    [keyOf(Buffer.concat([SECRET.subarray(0, 16), SECRET.subarray(0, 16)])), 'repeats itself'],
    [keyOf(Buffer.from(Array.from({ length: 32 }, (_, index) => index))), 'counts up or down'],
    [keyOf(Buffer.from(Array.from({ length: 32 }, (_, index) => 250 - 7 * index))), 'counts up or down'],
    [keyOf('7f3a91c0be52d84607f3b1ac92e85d64'), 'too few different characters'],
    [keyOf('Jackdaws love my big sphinx; 9QZ'), 'readable text'],
    ['k9:the-quick-brown-fox_jumps-over-lazy-dogs-5k', 'one case'],
    ['k9:Please-Change-Me-b2c3d4e5f6g7h8i9jAkBlCmDnE', 'placeholder']
  ]
  for (const [entry, words] of bad) {
    for (const [position, text] of [
      [1, entry],
      [2, `${KEY},${entry}`],
      [3, `${KEY},${OTHER},${entry}`]
    ] as const) {
      const told = problems({ USHER_SESSION_KEYS: text })
      t.equal(told.length, 1, `${words}: one problem in position ${position}`)
      t.ok(
        told[0]?.startsWith(`USHER_SESSION_KEYS entry ${position} `) && told[0].includes(words),
        `${words}: ${told[0]}`
      )
    }
  }
  const doubles = problems({ USHER_SESSION_KEYS: `${KEY},k1:${OTHER.slice(3)},k3:${KEY.slice(3)}` })
  t.strictSame(doubles, [
    'USHER_SESSION_KEYS entry 2 repeats the key id of entry 1',
    'USHER_SESSION_KEYS entry 3 repeats the secret of entry 1'
  ])
  t.match(problems({ USHER_SESSION_KEYS: `${KEY},` }), ['USHER_SESSION_KEYS entry 2 must be written'])
  const many = Array.from(
    { length: 17 },
    (_, index) => `k${index}:${bytesOf(`many ${index}`).toString('base64url')}`
  )
  t.match(problems({ USHER_SESSION_KEYS: many.join(',') }), ['USHER_SESSION_KEYS must hold at most 16 keys'])
  t.equal(load({ USHER_SESSION_KEYS: many.slice(1).join(',') }).sessionKeys.length, 16)
})

t.test('random keys are never called weak', async (t) => {
  for (let run = 0; run < 2_000; run++) {
    const bytes = bytesOf(`run ${run}`)
    const reason = weakness(bytes, bytes.toString('base64url'))
    if (reason !== null) t.fail(reason)
  }
  t.pass('2000 random keys')
})

t.test('rule 6: one secret in two settings is refused', async (t) => {
  const text = SECRET.toString('base64url')
  for (const token of [text, KEY, SECRET.toString('hex'), SECRET.toString('base64')]) {
    t.strictSame(problems({ USHER_PLEX_TOKEN: token }), [
      'USHER_PLEX_TOKEN repeats a secret of USHER_SESSION_KEYS'
    ])
  }
  t.strictSame(problems({ USHER_REDIS_URL: `redis://:${text}@valkey` }), [
    'USHER_REDIS_URL repeats a secret of USHER_SESSION_KEYS'
  ])
  t.strictSame(problems({ USHER_PLEX_TOKEN: TOKEN, USHER_REDIS_URL: `redis://:${TOKEN}@valkey` }), [
    'USHER_REDIS_URL repeats a secret of USHER_PLEX_TOKEN'
  ])
  for (const [env, of] of [
    [{}, 'USHER_SESSION_KEYS'],
    [{ USHER_PLEX_TOKEN: TOKEN }, 'USHER_PLEX_TOKEN'],
    [{ USHER_REDIS_URL: 'redis://:a%2Fpassword@valkey' }, 'USHER_REDIS_URL']
  ] as const) {
    const shared = { USHER_SESSION_KEYS: text, USHER_PLEX_TOKEN: TOKEN, USHER_REDIS_URL: 'a/password' }[of]
    const told = problems({
      ...env,
      USHER_SERVICES: services({ ...SERVICE, secretHashes: [hashOf(shared)] })
    })
    t.strictSame(told, [`USHER_SERVICES repeats a secret of ${of}`])
  }
})

t.test('rule 48: no line break, NUL or other control gets into a header setting', async (t) => {
  const names = ['USHER_CLIENT_NAME', 'USHER_CLIENT_VERSION', 'USHER_CLIENT_PLATFORM', 'USHER_DEVICE_NAME']
  for (const name of [...names, 'USHER_BRAND_NAME']) {
    const control = fc.integer({ min: 0, max: 0x1f }).map((code) => String.fromCharCode(code))
    fc.assert(
      fc.property(
        fc.string({ maxLength: 20 }),
        fc.oneof(control, fc.constant('\x7f')),
        fc.string(),
        (a, bad, b) => {
          const told = problems({ [name]: `${a}${bad}${b}` })
          // Quotes round it are said first.
          return told.length === 1 && /^\w+ (?:must not hold a control|is in quotes)/.test(told[0] ?? '')
        }
      ),
      { numRuns: 50 }
    )
    t.pass(name)
  }
})

t.test('rule 51: only addresses and networks of proxies can be trusted', async (t) => {
  for (const entry of [
    'true',
    '1',
    '2',
    '*',
    'loopback',
    'uniquelocal',
    'nginx',
    '10.0.0.0/8/8',
    'fe80::1%eth0'
  ]) {
    const told = problems({ USHER_TRUSTED_PROXIES: entry })
    t.match(told, ['USHER_TRUSTED_PROXIES entry 1 must be an IP address or CIDR: true, hop counts'], entry)
  }
  for (const entry of ['0.0.0.0/0', '::/0', '0.0.0.0/1', '10.0.0.0/7', '::/6']) {
    t.match(problems({ USHER_TRUSTED_PROXIES: entry }), ['must not be wider than'], entry)
  }
  for (const entry of ['::ffff:0.0.0.0/96', '::FFFF:0:0/97', '0:0:0:0:0:ffff:a00:0/104']) {
    t.match(problems({ USHER_TRUSTED_PROXIES: entry }), ['must be written as IPv4'], `${entry} is IPv4`)
  }
  for (const entry of ['10.0.0.0/33', '::1/129', '10.0.0.0/', '10.0.0.0/08', '10.0.0.0/-1']) {
    t.match(problems({ USHER_TRUSTED_PROXIES: entry }), ['must have a prefix length'], entry)
  }
})

t.test('services are held to their schema, each entry for itself', async (t) => {
  const owner = { USHER_PLEX_TOKEN: TOKEN, USHER_PMS_URL: 'http://pms:32400' }
  const told = (...entries: unknown[]) => problems({ ...owner, USHER_SERVICES: services(...entries) })
  t.strictSame(problems({ USHER_SERVICES: '[{' }), ['USHER_SERVICES must be JSON'])
  t.strictSame(problems({ USHER_SERVICES: '{}' }), ['USHER_SERVICES must be a JSON array'])
  t.strictSame(told('x'), ['USHER_SERVICES entry 1: must be an object'])
  t.strictSame(told([]), ['USHER_SERVICES entry 1: must be an object'])
  t.match(told({ ...SERVICE, secret: 'x' }), ['must have no members but id, secretHashes, grants, maxTtl'])
  for (const id of ['', 'a.b', 'a:b', '-a', 'x'.repeat(65), 1]) {
    t.match(told({ ...SERVICE, id }), ['USHER_SERVICES entry 1: id must be'], String(id))
  }
  for (const hashes of [
    [],
    [HASH, HASH, HASH],
    ['sha256:abc'],
    [HASH.toUpperCase()],
    HASH,
    ['a service secret']
  ]) {
    t.match(told({ ...SERVICE, secretHashes: hashes }), ['USHER_SERVICES entry 1: secretHashes must be'])
  }
  for (const grants of [[], ['all'], 'scoped']) {
    t.match(told({ ...SERVICE, grants }), ['USHER_SERVICES entry 1: grants must be some of'])
  }
  for (const maxTtl of ['25h', '0s', 'x']) {
    t.match(told({ ...SERVICE, maxTtl }), ['USHER_SERVICES entry 1: maxTtl must be'], maxTtl)
  }
  t.match(told({ ...SERVICE, maxTtl: 900 }), ['USHER_SERVICES entry 1: maxTtl must be'])
  t.match(told({ ...SERVICE, grants: ['scoped', 'scoped'] }), ['grants repeat themselves'])
  t.match(told({ ...SERVICE, secretHashes: [HASH, HASH] }), ['secretHashes repeat themselves'])
  t.match(told({ ...SERVICE, secretHashes: [hashOf('changeme')] }), ['guessable secret'])
  t.match(told(SERVICE, { ...SERVICE, id: 'b' }), [
    'USHER_SERVICES entry 2: shares a secret with an earlier entry'
  ])
  const [service] = load({
    USHER_SERVICES: services({ ...SERVICE, secretHashes: [HASH, hashOf('next')] })
  }).services
  t.equal(service?.maxTtlMs, 900_000, 'maxTtl is 15 minutes by default')
  t.equal(service?.secretHashes.length, 2, 'two hashes during a rotation')
})

t.test("grants that act as the owner need the owner's token and a server", async (t) => {
  for (const grant of ['transient:owner', 'sources']) {
    t.strictSame(problems({ ...NO_PMS, USHER_SERVICES: services({ ...SERVICE, grants: [grant] }) }), [
      `USHER_SERVICES entry 1: grant ${grant} needs USHER_PLEX_TOKEN`,
      `USHER_SERVICES entry 1: grant ${grant} needs USHER_PMS_URL`
    ])
  }
  t.strictSame(problems({ USHER_SERVICES: services({ ...SERVICE, grants: ['scoped', 'introspect'] }) }), [])
})

t.test('a CA file must hold certificates and nothing private', async (t) => {
  const dir = t.testdir({
    none: 'hello',
    broken: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
    second: `${CERTIFICATE}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`,
    key: `${CERTIFICATE}-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n`,
    two: `${CERTIFICATE}${CERTIFICATE}`
  })
  const told = (name: string) => problems({ USHER_PMS_CA_FILE: join(dir, name) })
  t.match(told('none'), ['USHER_PMS_CA_FILE names a file without a PEM certificate'])
  t.match(told('broken'), ['USHER_PMS_CA_FILE names a file with a certificate that cannot be parsed'])
  t.match(told('second'), ['cannot be parsed'])
  t.match(told('key'), ['private key'])
  t.match(told('missing'), ['cannot be read (ENOENT)'])
  t.equal(load({ USHER_PMS_CA_FILE: join(dir, 'two') }).pms.ca, `${CERTIFICATE}${CERTIFICATE}`)
})

t.test('a logo is a picture of the type that its name says', async (t) => {
  const png = Buffer.from('89504e470d0a1a0a00', 'hex')
  const webp = Buffer.from('RIFF\0\0\0\0WEBPVP8 ', 'latin1')
  const dir = t.testdir({
    'a.png': png,
    'a.webp': webp,
    'a.svg': '<?xml version="1.0"?>\n<!-- made by hand -->\n<svg xmlns="http://www.w3.org/2000/svg"/>',
    'html.svg': '<html><svg></svg></html>',
    'png.webp': png,
    'webp.png': webp,
    'a.gif': 'GIF89a'
  })
  const logo = (name: string) => load({ USHER_BRAND_LOGO: join(dir, name) }).brand.logo
  t.strictSame(logo('a.png'), { type: 'image/png', body: png })
  t.strictSame(logo('a.webp'), { type: 'image/webp', body: webp })
  t.equal(logo('a.svg')?.type, 'image/svg+xml')
  for (const name of ['html.svg', 'png.webp', 'webp.png']) {
    t.match(problems({ USHER_BRAND_LOGO: join(dir, name) }), ['content is not of its type'], name)
  }
  t.match(problems({ USHER_BRAND_LOGO: join(dir, 'a.gif') }), ['.svg, .png or .webp'])
})

t.test('rule 68: no problem and no print of the configuration tells a secret', async (t) => {
  const marker = 'mArKeR-0123'
  for (const name of Object.keys(SETTINGS)) {
    // A control character makes the value wrong for every setting, a path that no file has for the others.
    const told = problems({ [name]: `${marker}\u0001` })
    t.equal(told.length, 1, `${name} is refused`)
    t.notOk(told.join().includes(marker), `${name}: ${told[0]}`)
    t.ok(told[0]?.includes(name))
  }
  const hidden = services({
    ...SERVICE,
    [marker]: marker,
    id: `${marker}.`,
    grants: [marker],
    secretHashes: [marker]
  })
  t.notOk(
    problems({ USHER_SERVICES: hidden }).join().includes(marker),
    'not out of the JSON of services either'
  )

  const config = load({
    USHER_PLEX_TOKEN: TOKEN,
    USHER_REDIS_URL: 'redis://:hunter2hunter2@valkey',
    USHER_SERVICES: services(SERVICE)
  })
  const forms = [SECRET.toString('base64url'), SECRET.toString('hex'), TOKEN, 'hunter2', HASH]
  const bytes = inspect(SECRET).slice(8, 60)
  for (const [how, print] of [
    ['inspect', inspect(config, { depth: 9 })],
    ['JSON', JSON.stringify(config)],
    ['keys', inspect(config.sessionKeys, { depth: 9 }) + JSON.stringify(config.sessionKeys)],
    ['services', inspect(config.services, { depth: 9 }) + JSON.stringify(config.services)]
  ] as const) {
    for (const form of [...forms, bytes]) t.notOk(print.includes(form), `${how} hides ${form.slice(0, 8)}…`)
    t.ok(how === 'services' ? print.includes('poster-wall') : print.includes('k1'), `${how} shows the rest`)
  }
})

t.test('a secret file that leads nowhere is a problem, not a crash', async (t) => {
  const dir = t.testdir({ loop: t.fixture('symlink', 'loop') })
  t.match(problems({ USHER_PLEX_TOKEN_FILE: join(dir, 'loop') }), ['cannot be read (ELOOP)'])
  t.match(problems({ USHER_PLEX_TOKEN_FILE: 'a\0b' }), ['cannot be read (ERR_INVALID_ARG_VALUE)'])
})
