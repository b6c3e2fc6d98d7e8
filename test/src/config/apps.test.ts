import { createHash, generateKeyPairSync } from 'node:crypto'
import { inspect } from 'node:util'
import t from 'tap'
import { ConfigError, loadConfig } from '../../../src/config/config.ts'

type Env = Record<string, string | undefined>

const KEY = createHash('sha256').update('a key').digest('base64url')
const BASE: Env = {
  USHER_PUBLIC_URL: 'https://usher.example.com',
  USHER_SESSION_KEYS: `k1:${KEY}`,
  USHER_COOKIE_DOMAIN: 'example.com',
  USHER_PMS_URL: 'http://pms:32400',
  USHER_GROUPS: '{"family":[7]}'
}
const APP = { id: 'wiki', name: 'Wiki', url: 'https://wiki.example.com/start' }
const CLIENT = {
  id: 'photos',
  secretHashes: [hashOf('a client secret')],
  redirectUris: ['https://photos.example.com/auth/login']
}
const RSA = rsaKey('r1')
const EC = ecKey('e1')
const PUBLIC_JWK = (({ kty, n, e, kid, alg, use }) => ({ kty, n, e, kid, alg, use }))(RSA)

function hashOf(secret: string): string {
  return `sha256:${createHash('sha256').update(secret).digest('hex')}`
}

function rsaKey(kid: string, modulusLength = 2048): Record<string, unknown> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength })
  return { ...privateKey.export({ format: 'jwk' }), kid, alg: 'RS256', use: 'sig' }
}

function ecKey(kid: string, namedCurve = 'P-256'): Record<string, unknown> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve })
  return { ...privateKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' }
}

function problems(env: Env): readonly string[] {
  try {
    loadConfig({ ...BASE, ...env })
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}

const apps = (...entries: unknown[]) => problems({ USHER_APPS: JSON.stringify(entries) })
const clients = (...entries: unknown[]) =>
  problems({ USHER_OIDC_CLIENTS: JSON.stringify(entries), USHER_OIDC_KEYS: JSON.stringify({ keys: [RSA] }) })
const keys = (...entries: unknown[]) => problems({ USHER_OIDC_KEYS: JSON.stringify({ keys: entries }) })

t.test('an app has hosts in normal form, headers in lower case and an icon', async (t) => {
  const dir = t.testdir({ 'wiki.svg': '<svg xmlns="http://www.w3.org/2000/svg"/>' })
  const [app] = loadConfig({
    ...BASE,
    USHER_APPS: JSON.stringify([
      {
        ...APP,
        hosts: ['Wiki.Example.COM:443', 'bücher.example.com', 'wiki.example.com:8443', 'w.example.com:80'],
        access: { accounts: [5], groups: ['family'] },
        headers: { 'X-Api-Key': 'top secret', authorization: 'Bearer abc' },
        icon: `${dir}/wiki.svg`
      }
    ])
  }).apps
  t.strictSame(app?.hosts, [
    'wiki.example.com',
    'xn--bcher-kva.example.com',
    'wiki.example.com:8443',
    'w.example.com'
  ])
  t.strictSame(app?.headers, { 'x-api-key': 'top secret', authorization: 'Bearer abc' })
  t.strictSame(app?.access, { roles: [], libraries: [], accounts: [5], groups: ['family'] })
  t.equal(app?.icon?.type, 'image/svg+xml')
})

t.test('an app without access is for whoever may sign in', async (t) => {
  const [app] = loadConfig({ ...BASE, USHER_APPS: JSON.stringify([APP]) }).apps
  t.strictSame({ ...app }, { ...APP, hosts: [], access: null, headers: {}, icon: null })
})

t.test('every entry of USHER_APPS is held to its form, by its number', async (t) => {
  for (const [change, words] of [
    [{ id: 'a b' }, 'id must be 1 to 64 letters'],
    [{ id: '' }, 'id must be'],
    [{ name: 'a\u202eb' }, 'name must not hold a control or invisible character'],
    [{ name: '' }, 'name must not be empty'],
    [{ name: undefined }, 'name must be text'],
    [{ url: 'wiki.example.com' }, 'url must be an absolute'],
    [{ url: 'https://me:pw@wiki.example.com' }, 'url must not hold credentials'],
    [{ hosts: ['*.example.com'] }, 'hosts must be host names'],
    [{ hosts: ['https://wiki.example.com'] }, 'hosts must be host names'],
    [{ hosts: ['wiki.example.com', 'WIKI.example.com:443'] }, 'hosts repeat themselves'],
    [{ hosts: ['wiki.other.net'] }, 'hosts must be below USHER_COOKIE_DOMAIN'],
    [{ access: {} }, 'access must have a member'],
    [{ access: [] }, 'access must be an object'],
    [{ access: { role: ['owner'] } }, 'access must have no members but roles'],
    [{ access: { roles: ['admin'] } }, 'access roles must be some of owner, home, shared'],
    [{ access: { roles: [] } }, 'access roles must be'],
    [{ access: { accounts: ['someone'] } }, 'access accounts must be numeric account ids'],
    [{ access: { libraries: ['a,b'] } }, 'access libraries must be names without a comma'],
    [{ access: { groups: ['friends'] } }, 'access has a group that USHER_GROUPS does not have'],
    [{ headers: { 'Remote-User': 'x' } }, 'headers must not name a header that carries identity'],
    [{ headers: { 'Set-Cookie': 'x' } }, 'headers must not name'],
    [{ headers: { 'a b': 'x' } }, 'headers must have names'],
    [{ headers: { a: 'x\r\ny: z' } }, 'headers must have values of visible ASCII'],
    [{ headers: { a: '' } }, 'headers must have values'],
    [{ headers: { a: 'x', A: 'y' } }, 'headers repeat themselves'],
    [{ headers: { a: 'x'.repeat(1100) } }, 'headers must be at most 1024 bytes together'],
    [{ headers: { a: `Bearer ${KEY}` } }, 'USHER_APPS repeats a secret of USHER_SESSION_KEYS'],
    [{ icon: '/nowhere.svg' }, 'icon names a file that cannot be read (ENOENT)'],
    [{ colour: 'red' }, 'must have no members but id, name, url, hosts, access, headers, icon']
  ] as const) {
    const [problem, ...more] = apps(APP, { ...APP, id: 'second', ...change })
    t.strictSame(more, [], words)
    t.match(problem, words)
    if (!words.startsWith('USHER')) t.ok(problem?.startsWith('USHER_APPS entry 2: '), `${problem}`)
  }
  t.strictSame(apps(APP, APP), ['USHER_APPS entry 2: id is used by an earlier entry'])
  const hosts = ['wiki.example.com']
  t.strictSame(apps({ ...APP, hosts }, { ...APP, id: 'second', hosts }), [
    'USHER_APPS entry 2: has a host of an earlier entry'
  ])
})

t.test('an app on the host of Usher needs no cookie domain, any other host does', async (t) => {
  const env = { USHER_COOKIE_DOMAIN: undefined }
  const at = (host: string) => problems({ ...env, USHER_APPS: JSON.stringify([{ ...APP, hosts: [host] }]) })
  t.strictSame(at('usher.example.com:8443'), [])
  t.match(at('wiki.example.com'), ['hosts must be below USHER_COOKIE_DOMAIN'])
})

t.test('rule 75: without a media server no role and no library decides', async (t) => {
  const env = { USHER_PMS_URL: undefined, USHER_ACCESS: 'anyone' }
  const access = { roles: ['owner'] }
  t.strictSame(problems({ ...env, USHER_APPS: JSON.stringify([{ ...APP, access }]) }), [
    'USHER_APPS entry 1: access by role or library needs USHER_PMS_URL'
  ])
  for (const member of ['role:owner', 'library:Films'])
    t.strictSame(problems({ ...env, USHER_GROUPS: JSON.stringify({ family: [member] }) }), [
      'USHER_GROUPS entry 1: roles and libraries need USHER_PMS_URL'
    ])
  t.strictSame(problems(env), [])
})

t.test('a group is accounts, roles and libraries, and is never called like one of them', async (t) => {
  const groups = (value: unknown) => problems({ USHER_GROUPS: JSON.stringify(value) })
  t.strictSame(
    loadConfig({ ...BASE, USHER_GROUPS: '{"家族":["role:owner","library:Kids films",7,8],"empty":[]}' })
      .groups,
    [
      { name: '家族', accounts: [7, 8], roles: ['owner'], libraries: ['Kids films'] },
      { name: 'empty', accounts: [], roles: [], libraries: [] }
    ]
  )
  t.strictSame(groups([]), ['USHER_GROUPS must be a JSON object'])
  for (const name of ['owner', 'Shared', 'none', 'library:Films', 'role:x'])
    t.match(groups({ [name]: [1] }), ['USHER_GROUPS entry 1: its name must not be that of a role'], name)
  for (const name of ['', 'a,b', ' a', 'a\n'])
    t.match(groups({ [name]: [1] }), ['USHER_GROUPS entry 1: its name must be 1 to 128 characters'], name)
  for (const members of ['x', ['someone'], ['role:admin'], [0], [1.5], ['library:'], [null], ['7']])
    t.match(groups({ a: [1], b: members }), ['USHER_GROUPS entry 2: its members must be'], inspect(members))
})

t.test('every entry of USHER_OIDC_CLIENTS is held to its form, by its number', async (t) => {
  t.strictSame(clients(CLIENT), [])
  for (const uri of [
    'https://x.example.com:443/cb?a=b',
    'http://localhost/cb',
    'http://app:3000/cb',
    'app.immich:///oauth-callback',
    'https://photos.example.com'
  ])
    t.strictSame(clients({ ...CLIENT, redirectUris: [uri] }), [], uri)
  for (const uri of [
    '/cb',
    'https://*.example.com/cb',
    'https://a.example.com/#x',
    'https://a b/',
    'https:/a/b'
  ])
    t.match(clients({ ...CLIENT, redirectUris: [uri] }), ['redirectUris must be absolute addresses'], uri)
  for (const uri of ['javascript:alert(1)', 'DATA:text/html,x', 'blob:https://a/b', 'file:///etc/passwd'])
    t.match(clients({ ...CLIENT, redirectUris: [uri] }), ['redirectUris must not have a scheme'], uri)
  for (const [change, words] of [
    [{ id: 'a/b' }, 'id must be 1 to 64 letters'],
    [{ secretHashes: [] }, 'secretHashes must be one or two'],
    [{ secretHashes: [hashOf('secret')] }, 'guessable secret; use --generate-oidc-client'],
    [{ secretHashes: CLIENT.secretHashes }, 'shares a secret with an earlier entry'],
    [{ secretHashes: [hashOf(KEY)] }, 'USHER_OIDC_CLIENTS repeats a secret of USHER_SESSION_KEYS'],
    [{ redirectUris: [] }, 'redirectUris must be an array'],
    [{ redirectUris: ['https://a/', 'https://a/'] }, 'redirectUris repeat themselves'],
    [{ redirectUris: ['app.x:/cb', 'http://app:3000/cb'] }, 'make two entries'],
    [{ postLogoutRedirectUris: ['x'] }, 'postLogoutRedirectUris must be absolute addresses'],
    [{ backchannelLogoutUri: 'app.x:/cb' }, 'backchannelLogoutUri must be an http: or https: URL'],
    [{ backchannelLogoutUri: 'https://u:p@a/' }, 'backchannelLogoutUri must not hold credentials'],
    [{ pkce: 'off' }, 'pkce must be required or optional'],
    [{ pkce: 'optional' }, 'pkce must be required where there are no secretHashes'],
    [{ refresh: 'yes' }, 'refresh must be true or false'],
    [{ idTokenAlg: 'none' }, 'idTokenAlg must be one of RS256, ES256'],
    [{ idTokenAlg: 'ES256' }, 'USHER_OIDC_KEYS has no key of its idTokenAlg'],
    [{ access: { groups: ['friends'] } }, 'access has a group that USHER_GROUPS does not have'],
    [{ app: 'wiki' }, 'app must be the id of an entry of USHER_APPS'],
    [{ app: 'wiki', access: { roles: ['owner'] } }, 'must not have access beside app'],
    [{ secret: 'x' }, 'must have no members but']
  ] as const) {
    const told = clients(CLIENT, { id: 'second', redirectUris: ['https://a.example.com/cb'], ...change })
    t.match(told[0], words)
    t.equal(told.length, 1, `${words}: ${told}`)
  }
  t.strictSame(clients(CLIENT, { ...CLIENT, secretHashes: [hashOf('another')] }), [
    'USHER_OIDC_CLIENTS entry 2: id is used by an earlier entry'
  ])
  t.strictSame(problems({ USHER_OIDC_CLIENTS: JSON.stringify([CLIENT]) }), [
    'USHER_OIDC_CLIENTS needs USHER_OIDC_KEYS: make a key set with --generate-oidc-key'
  ])
  const service = { id: 's', secretHashes: CLIENT.secretHashes, grants: ['sessions'] }
  t.strictSame(
    problems({
      USHER_OIDC_CLIENTS: JSON.stringify([CLIENT]),
      USHER_OIDC_KEYS: JSON.stringify({ keys: [RSA] }),
      USHER_SERVICES: JSON.stringify([service])
    }),
    ['USHER_OIDC_CLIENTS repeats a secret of USHER_SERVICES']
  )
})

t.test('a key set has whole, private, strong signing keys, each once', async (t) => {
  t.strictSame(keys(RSA, EC, ecKey('e2')), [])
  const known = loadConfig({ ...BASE, USHER_OIDC_KEYS: JSON.stringify({ keys: [{ ...EC, note: 'x' }] }) })
  t.strictSame(
    known.oidc.keys.map((key) => ({ ...key })),
    [{ kid: 'e1', alg: 'ES256', jwk: EC }],
    'nothing is kept that is no part of a key'
  )
  for (const set of ['[]', '{}', '{"keys":[]}', '{"keys":{}}', 'null'])
    t.match(problems({ USHER_OIDC_KEYS: set }), ['USHER_OIDC_KEYS must be a JWK set'], set)
  for (const [key, words] of [
    [PUBLIC_JWK, 'd must be there'],
    [{ ...RSA, use: 'enc' }, 'use must be sig'],
    [{ ...RSA, kid: '' }, 'kid must be'],
    [{ ...RSA, alg: 'HS256' }, 'alg must be one of RS256, ES256'],
    [{ kty: 'oct', k: KEY, d: 'x', kid: 'o', alg: 'RS256', use: 'sig' }, 'kty must be RSA or EC'],
    [{ ...RSA, alg: 'ES256' }, 'kty must be RSA for RS256 and EC for ES256'],
    [{ ...RSA, n: 'AQ' }, 'entry 2: '],
    [{ ...RSA, d: rsaKey('x')['d'], p: undefined }, 'is no private key'],
    [rsaKey('short', 1024), 'must have at least 2048 bits'],
    [ecKey('e3', 'P-384'), 'crv must be P-256'],
    ['x', 'must be an object']
  ] as const) {
    const told = keys(EC, key)
    t.equal(told.length, 1, `${words}: ${told}`)
    t.ok(told[0]?.startsWith('USHER_OIDC_KEYS entry 2: ') && told[0].includes(words), `${told[0]}`)
  }
  t.strictSame(keys(RSA, { ...EC, kid: 'r1' }), ['USHER_OIDC_KEYS entry 2: kid is used by an earlier entry'])
  t.strictSame(keys(RSA, { ...RSA, kid: 'r2' }), [
    'USHER_OIDC_KEYS entry 2: repeats the key of an earlier entry'
  ])
})

t.test('rule 68: apps, clients and keys are printed without their secrets', async (t) => {
  const config = loadConfig({
    ...BASE,
    USHER_APPS: JSON.stringify([{ ...APP, headers: { authorization: 'Bearer hunter2' } }]),
    USHER_OIDC_CLIENTS: JSON.stringify([CLIENT]),
    USHER_OIDC_KEYS: JSON.stringify({ keys: [RSA] })
  })
  for (const print of [
    inspect(config, { depth: 9 }),
    JSON.stringify(config),
    inspect(config.oidc, { depth: 9 })
  ])
    for (const secret of ['hunter2', String(RSA['d']), CLIENT.secretHashes[0] ?? ''])
      t.notOk(print.includes(secret), secret.slice(0, 8))
  t.ok(inspect(config, { depth: 9 }).includes('photos'))
})
