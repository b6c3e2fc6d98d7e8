import { readFileSync } from 'node:fs'
import t from 'tap'
import { createKeyRing } from '../../../src/seal/key-ring.ts'
import { createSeal, type Purpose, type Seal } from '../../../src/seal/seal.ts'
import { type CookieConfig, sealScope } from '../../../src/session/cookie/cookie.ts'
import { sessionCodec } from '../../../src/session/cookie/sealed-session.ts'
import { deviceCodec } from '../../../src/session/sign-in/device.ts'
import { flowCodec } from '../../../src/session/sign-in/flow.ts'
import { signInsCodec } from '../../../src/session/sign-in/sign-in.ts'
import { createAssertions } from '../../../src/tokens/assertion.ts'
import { playbackCodec } from '../../../src/tokens/playback.ts'
import { readScoped } from '../../../src/tokens/scoped-claims.ts'
import { fromReference } from '../../../src/tokens/session-reference.ts'
import { DAY, NOW } from '../session/sample.ts'

/**
 * Values that releases have sealed, by the version of their format. They are never made anew: a value that stops
 * opening here has signed somebody out. A new version adds its own.
 */
const GOLDEN = JSON.parse(readFileSync(new URL('./golden.json', import.meta.url), 'utf8')) as Readonly<
  Record<'version 1' | 'version 2', Readonly<Record<string, string>>>
>
const [one, two] = [GOLDEN['version 1'], GOLDEN['version 2']]

const KEYS = [
  { kid: 'golden', secret: Buffer.from(Array.from({ length: 32 }, (_, i) => (i * 37 + 11) % 256)) }
]
const CONFIG = {
  publicUrl: {
    href: 'https://usher.example/base',
    origin: 'https://usher.example',
    basePath: '/base',
    hostname: 'usher.example',
    secure: true
  },
  cookieDomain: null,
  instance: null
}

function goldenSeal(config: CookieConfig = CONFIG): Seal {
  return createSeal(createKeyRing(KEYS), sealScope(config))
}

function unseal(purpose: Purpose, value = '', seal = goldenSeal()): unknown {
  const unsealed = seal.unseal(purpose, value)
  if (typeof unsealed === 'string') throw new Error(`${purpose} is ${unsealed}`)
  return unsealed.value
}

const HOME = {
  id: 'AAECAwQFBgcICQoLDA0ODw',
  account: {
    id: 13_692_262,
    uuid: '88fad7ef5d91c202',
    username: '',
    title: '千と千尋',
    email: '',
    emailVerified: false,
    restricted: true
  },
  accountToken: 'golden-account-token',
  clientIdentifier: '5d0c1a34-7f5e-4f0a-9d2b-1b3c5e7f9a01',
  role: 'home',
  server: {
    name: 'Box',
    machineIdentifier: 'c997cf82c4158cb986ccc0e8f829a6f5d5086a63',
    uri: 'https://10-0-0-1.c997.plex.direct:32400'
  },
  serverToken: 'golden-server-token',
  method: 'home',
  signedInAt: NOW,
  expiresAt: NOW + 30 * DAY,
  seenAt: NOW + 60_000,
  idleExpiresAt: NOW + 7 * DAY,
  checkedAt: NOW + 30_000,
  homeAdmin: {
    uuid: '212acf24b07315e5',
    token: 'golden-opener-token',
    clientIdentifier: 'opener-client',
    accountId: 42
  }
} as const

const OWNER = {
  ...HOME,
  id: 'Dw4NDAsKCQgHBgUEAwIBAA',
  account: {
    id: 7,
    uuid: '212acf24b07315e5',
    username: 'simuser',
    title: 'Sim User',
    email: 'sim@example.com',
    emailVerified: false,
    restricted: false
  },
  role: 'owner',
  server: { ...HOME.server, uri: null },
  serverToken: 'golden-account-token',
  method: 'password',
  homeAdmin: null
} as const

const BARE = { ...OWNER, role: 'none', server: null, serverToken: null, method: 'pin' } as const
const VERIFIED = { ...OWNER.account, emailVerified: true }

t.test('sessions of every version still open', async (t) => {
  const open = (value: string | undefined, seal?: Seal) => sessionCodec.decode(unseal('session', value, seal))
  const domain = goldenSeal({ ...CONFIG, cookieDomain: 'example.com', instance: 'two' })
  t.strictSame(open(one['sessionHome']), HOME)
  t.strictSame(open(one['sessionOwner']), OWNER, 'before version 2 nobody knew of the address')
  t.strictSame(open(one['sessionBare']), BARE)
  t.strictSame(open(one['sessionDomain'], domain), OWNER)
  t.strictSame(open(two['sessionHome']), HOME)
  t.strictSame(open(two['sessionOwner']), { ...OWNER, account: VERIFIED })
  t.strictSame(open(two['sessionBare']), { ...BARE, account: VERIFIED })
  t.strictSame(open(two['sessionDomain'], domain), { ...OWNER, account: VERIFIED })
})

t.test('sign-ins under way and devices of every version still open', async (t) => {
  const signIn = {
    pinId: 564_964_751,
    code: '8lzjqnq8lye02n52jq3fqxf8e',
    clientIdentifier: 'browser-client',
    returnTo: '/library?x=1#y',
    kind: 'redirect',
    expiresAt: NOW + 900_000,
    tabs: 1
  }
  const link = { ...signIn, code: '7RQZ', returnTo: '/base/signin', kind: 'link' }
  t.strictSame(signInsCodec.decode(unseal('signin', one['signInRedirect'])), [signIn])
  t.strictSame(signInsCodec.decode(unseal('signin', one['signInLink'])), [link])
  t.strictSame(signInsCodec.decode(unseal('signin', two['signIns'])), [
    { ...link, pinId: 564_964_752 },
    { ...signIn, tabs: 3 }
  ])
  t.strictSame(flowCodec.decode(unseal('flow', one['flow'])), {
    returnTo: '/library?x=1#y',
    pinId: 564_964_751,
    clientIdentifier: 'browser-client',
    expiresAt: NOW + 900_000,
    device: 'browser-client'
  })
  const device = { clientIdentifier: 'browser-client', knownAs: 7, lentUntil: NOW }
  t.strictSame(deviceCodec.decode(unseal('device', one['device'])), device)
  t.strictSame(deviceCodec.decode(unseal('device', one['deviceUnlent'])), { ...device, lentUntil: 0 })
  t.strictSame(deviceCodec.decode(unseal('device', one['deviceNew'])), {
    ...device,
    knownAs: null,
    lentUntil: 0
  })
})

t.test('assertions and scoped tokens of every version still open', async (t) => {
  const seal = goldenSeal()
  const assertions = createAssertions({ seal, revocations: { isRevoked: () => false }, now: () => NOW })
  const { account, homeAdmin, seenAt, method, ...kept } = HOME
  const referenced = {
    ...kept,
    account: {
      id: account.id,
      uuid: '',
      username: '',
      title: '',
      email: '',
      emailVerified: false,
      restricted: false
    },
    method: 'password',
    seenAt: NOW,
    homeAdmin: null,
    openerId: homeAdmin.accountId
  }
  t.same(assertions.open(one['assertion'] ?? '', 'indexer'), referenced)
  const owner = { session: () => Promise.reject(new Error('not asked')), at: () => OWNER }
  const claims = {
    id: 'scoped-id',
    serviceId: 'indexer',
    owner: false,
    scope: 'pms:read',
    resources: ['/library'],
    issuedAt: NOW,
    expiresAt: NOW + 900_000,
    session: { ...referenced, idleExpiresAt: NOW + 900_000, tokenId: 'scoped-id' }
  }
  t.same(readScoped(unseal('scoped', one['scopedSession']), owner), claims)
  t.same(readScoped(unseal('scoped', one['scopedOwner']), owner), {
    ...claims,
    owner: true,
    scope: 'pms:stream',
    resources: [],
    session: { ...OWNER, idleExpiresAt: NOW + 900_000, tokenId: 'scoped-id' }
  })
  const playback = playbackCodec.decode(unseal('playback', one['playback']))
  t.match(playback, {
    id: 'playback-id',
    start: 'AbCdEfGhIjKlMnOpQrStUv',
    transcode: 'video/5d0c1a34',
    issuedAt: NOW,
    expiresAt: NOW + 900_000
  })
  t.same(fromReference(playback?.subject ?? []), referenced)
})
