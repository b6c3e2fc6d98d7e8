import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import type { Grant } from '../../../src/config/config.ts'
import { checkParameters } from '../../../src/forward/parameters.ts'
import { createPolicy } from '../../../src/forward/policy.ts'
import { readTarget } from '../../../src/forward/target.ts'
import type { Seal } from '../../../src/seal/seal.ts'
import type { LiveSession } from '../../../src/session/live/live-sessions.ts'
import { createRevocations } from '../../../src/session/live/revocation.ts'
import { createStreams } from '../../../src/session/live/streams.ts'
import type { Session } from '../../../src/session/session.ts'
import { createAssertions } from '../../../src/tokens/assertion.ts'
import { createOwner } from '../../../src/tokens/owner.ts'
import { createScopedTokens, type IssueOptions, type ScopedToken } from '../../../src/tokens/scoped.ts'
import { createServices } from '../../../src/tokens/services.ts'
import { fromReference, toReference } from '../../../src/tokens/session-reference.ts'
import { fc } from '../../support/properties.ts'
import { createClock, DAY, HOUR, MINUTE, NOW, sampleSeal, sampleSession } from '../session/sample.ts'

const PUBLIC_URL = {
  href: 'https://usher.example',
  origin: 'https://usher.example',
  basePath: '',
  hostname: 'usher.example',
  secure: true
}
const setting = (id: string, grants: readonly Grant[]) => ({
  id,
  secretHashes: [`sha256:${'0'.repeat(64)}`],
  grants,
  maxTtlMs: HOUR
})
const SERVICES = [setting('full', ['scoped', 'transient:owner']), setting('scoped', ['scoped'])]

interface Options {
  readonly services?: typeof SERVICES
  readonly plexToken?: string | null
  readonly seal?: Seal
}

function create({
  services: settings = SERVICES,
  plexToken = 'owner-token',
  seal = sampleSeal()
}: Options = {}) {
  const clock = createClock()
  const { now } = clock
  const revocations = createRevocations({ now })
  const services = createServices(settings)
  const owner = createOwner({
    config: { plexToken, publicUrl: PUBLIC_URL, sessionMaxMs: 30 * DAY },
    mediaServer: null,
    now
  })
  const touched: unknown[] = []
  const recheck = { touch: (live: unknown) => void touched.push(live) }
  const scoped = createScopedTokens({ seal, revocations, recheck, services, owner, now })
  const issue = (session: Session, changes: Partial<IssueOptions> = {}) => {
    const service = services.find('full')
    if (service === undefined) throw new Error('no service')
    const scope = 'pms:read' as const
    return scoped.issue(session, {
      service,
      owner: false,
      scope,
      resources: [],
      expiresIn: undefined,
      ...changes
    }).token
  }
  return { clock, now, revocations, services, owner, scoped, issue, seal, touched }
}

function open(scoped: ReturnType<typeof create>['scoped'], token: string): ScopedToken {
  const opened = scoped.open(token)
  if (!opened.open) throw new Error(opened.code)
  return opened
}

t.test('a scoped token stands for its session, with what /pms needs and no names', async (t) => {
  const { scoped, issue, touched } = create()
  const session = sampleSession({ role: 'shared', serverToken: 'server-token' })
  const { live, claims } = open(scoped, issue(session, { resources: ['/library'] }))
  t.match(live.session, {
    id: session.id,
    account: { id: session.account.id, username: '', email: '' },
    role: 'shared',
    serverToken: 'server-token',
    accountToken: session.accountToken,
    clientIdentifier: session.clientIdentifier,
    server: session.server,
    homeAdmin: null,
    idleExpiresAt: claims.expiresAt
  })
  t.match(claims, { serviceId: 'full', scope: 'pms:read', resources: ['/library'], owner: false })
  t.equal(touched.length, 1, 'and its session is re-checked as it is used')
})

t.test(
  'the shortest of lifetime asked for, longest of the service and end of the session holds',
  async (t) => {
    const { scoped, issue } = create()
    const ends = (session: Session, expiresIn?: number) =>
      open(scoped, issue(session, { expiresIn })).claims.expiresAt - NOW
    t.equal(ends(sampleSession()), HOUR)
    t.equal(ends(sampleSession(), 60), MINUTE)
    t.equal(ends(sampleSession(), 99_999), HOUR)
    t.equal(ends(sampleSession({ expiresAt: NOW + 1000 })), 1000)
    t.equal(ends(sampleSession({ idleExpiresAt: NOW + 2000 })), 2000)
  }
)

t.test('rule 18: it expires, in the cache and out of it', async (t) => {
  const { scoped, issue, clock } = create()
  const token = issue(sampleSession())
  const unseen = issue(sampleSession())
  t.ok(scoped.open(token).open)
  clock.advance(HOUR)
  t.match(scoped.open(token), { open: false, code: 'USHER_SESSION_EXPIRED', clear: false })
  t.match(scoped.open(unseen), { open: false, code: 'USHER_SESSION_EXPIRED' })
  const early = create()
  const ahead = early.issue(sampleSession())
  early.clock.advance(-MINUTE - 1)
  t.match(early.scoped.open(ahead), { code: 'USHER_SESSION_INVALID' }, 'rule 11: nor is it from the future')
})

t.test('rule 20: it is revoked by itself, with its session, and with its account', async (t) => {
  const { scoped, issue, revocations } = create()
  const session = sampleSession()
  const [first, second] = [issue(session), issue(session)]
  const other = issue(sampleSession())
  scoped.revoke(open(scoped, first))
  t.match(scoped.open(first), { code: 'USHER_SESSION_REVOKED' })
  t.ok(scoped.open(second).open)
  revocations.revoke({ kind: 'session', id: session.id, until: NOW + DAY })
  t.match(scoped.open(second), { code: 'USHER_SESSION_REVOKED' })
  t.ok(scoped.open(other).open)
  const { id } = session.account
  revocations.revoke({ kind: 'account', accountId: id, before: NOW, until: NOW + DAY })
  t.match(scoped.open(other), { code: 'USHER_SESSION_REVOKED' })
  t.match(scoped.open(issue(sampleSession())), { code: 'USHER_SESSION_REVOKED' }, 'and never opened before')
})

t.test('idea 9: streams in its name end when the token alone is revoked', async (t) => {
  const { scoped, issue, revocations, now } = create()
  const { isRevoked } = revocations
  const standings = {
    hasEnded: isRevoked,
    mayStream: ({ session }: LiveSession) => !isRevoked(session)
  }
  const streams = createStreams({ revocations, standings, now })
  t.teardown(() => streams.close())
  const [first, second] = [issue(sampleSession()), issue(sampleSession())].map((token) => open(scoped, token))
  const ended: string[] = []
  if (first === undefined || second === undefined) throw new Error('two tokens were issued')
  const release: () => void = streams.add(first.live, 'media', () => {
    ended.push('first')
    release()
  })
  streams.add(second.live, 'media', () => ended.push('second'))
  scoped.revoke(first)
  await setImmediate()
  t.strictSame(ended, ['first'])
})

t.test('rule 63: it dies with the service, or with its grant', async (t) => {
  const seal = sampleSeal()
  const session = sampleSession()
  const token = create({ seal }).issue(session)
  t.ok(create({ seal }).scoped.open(token).open, 'another instance with the same keys opens it')
  for (const services of [[], [setting('scoped', ['scoped'])], [setting('full', ['transient:owner'])]]) {
    t.match(create({ seal, services }).scoped.open(token), { code: 'USHER_SESSION_INVALID' })
  }
})

t.test('rule 65: a token of the owner carries no token of the owner', async (t) => {
  const seal = sampleSeal()
  const { owner, issue, scoped, clock } = create({ seal })
  const at = owner.at({ name: 'Box', machineIdentifier: 'box', uri: null })
  if (at === null) throw new Error('no owner')
  const token = issue(at, { owner: true })
  const unsealed = seal.unseal('scoped', token)
  t.notMatch(JSON.stringify(unsealed), 'owner-token')
  t.match(open(scoped, token).live.session, { role: 'owner', serverToken: 'owner-token' })
  clock.advance(MINUTE)
  const rotated = create({ seal, plexToken: 'next-token' })
  t.match(open(rotated.scoped, token).live.session, { serverToken: 'next-token' })
  t.match(create({ seal, plexToken: null }).scoped.open(token), { code: 'USHER_SESSION_INVALID' })
  const services = [setting('full', ['scoped'])]
  t.match(create({ seal, services }).scoped.open(token), { code: 'USHER_SESSION_INVALID' })
})

t.test('rule 1: an altered token opens nothing', async (t) => {
  const { scoped, issue } = create()
  const token = issue(sampleSession())
  const index = fc.integer({ min: 0, max: token.length - 1 })
  const char = fc.constantFrom(...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=')
  fc.assert(
    fc.property(index, char, (at, other) => {
      fc.pre(token[at] !== other)
      return !scoped.open(token.slice(0, at) + other + token.slice(at + 1)).open
    }),
    { numRuns: 2000 }
  )
  for (const text of ['', 'x', 'a.b', token.slice(1), `${token} `, 'x'.repeat(5000)]) {
    t.notOk(scoped.open(text).open)
  }
})

t.test('rule 5: a session, an assertion and a scoped token never stand for each other', async (t) => {
  const { scoped, issue, seal, revocations, now } = create()
  const assertions = createAssertions({ seal, revocations, now })
  const session = sampleSession()
  const assertion = assertions.issue(session, 'full')
  const token = issue(session)
  t.notOk(scoped.open(assertion).open)
  t.equal(assertions.open(token, 'full'), 'USHER_SESSION_INVALID')
  t.equal(seal.unseal('session', token), 'forged')
  t.equal(seal.unseal('session', assertion), 'forged')
})

t.test('rule 10: other versions and shapes are refused, sealed though they are', async (t) => {
  const { scoped, seal, revocations, now } = create()
  const assertions = createAssertions({ seal, revocations, now })
  const reference = toReference(sampleSession())
  const good = [1, 'id', 'full', false, 'pms:read', [], NOW, NOW + HOUR, reference]
  t.ok(scoped.open(seal.seal('scoped', good)).open)
  for (let index = 0; index < good.length; index += 1) {
    for (const odd of [null, {}, [7], 'x', -1]) {
      const value = (good as unknown[]).with(index, odd)
      const opened = scoped.open(seal.seal('scoped', value))
      // An id or a service may be any text.
      if (!(index === 1 && odd === 'x') && !(index === 3) && !(index >= 6 && index <= 7 && odd === -1)) {
        t.notOk(opened.open, `${index} ${JSON.stringify(odd)}`)
      }
    }
  }
  for (const value of [null, 7, {}, [], 'x']) t.notOk(scoped.open(seal.seal('scoped', value)).open)
  for (let index = 0; index < reference.length; index += 1) {
    const odd = index === 5 || index === 6 ? 7 : index === 11 ? 'x' : null
    t.equal(fromReference(reference.with(index, odd)), null, `member ${index}`)
  }
  t.equal(fromReference(reference.with(5, ['Box', 'id'])), null)
  t.equal(fromReference([]), null)
  for (const value of [
    null,
    [2, 'full', NOW, reference],
    [1, 'full', 'x', reference],
    [1, 'full', NOW, []]
  ]) {
    t.equal(assertions.open(seal.seal('assertion', value), 'full'), 'USHER_SESSION_INVALID')
  }
  t.equal(
    assertions.open(seal.seal('assertion', [1, 'full', NOW + MINUTE + 1, reference]), 'full'),
    'USHER_SESSION_INVALID'
  )
})

t.test('an assertion with all its session fits beside the other headers of nginx', async (t) => {
  const { seal, revocations, now } = create()
  const assertions = createAssertions({ seal, revocations, now })
  const usual = assertions.issue(sampleSession({ serverToken: 'another-token-of-20c' }), 'some-service')
  t.ok(usual.length < 800, `${usual.length} characters`)
  const server = {
    name: '漢'.repeat(100),
    machineIdentifier: 'f'.repeat(64),
    uri: `https://${'x'.repeat(200)}`
  }
  t.ok(assertions.issue(sampleSession({ server }), 'a'.repeat(64)).length < 1800)
})

t.test(
  'property: a scoped token never reaches outside its prefix, however the target is spelled',
  async (t) => {
    const { scoped, issue } = create()
    const policy = createPolicy({ ownerAdmin: true })
    const inside = ['/library/metadata/5', '/photo/:/transcode', '/video/:/transcode']
    const tokens = [
      open(scoped, issue(sampleSession(), { resources: inside, scope: 'pms:stream' })),
      open(scoped, issue(sampleSession(), { resources: ['/library/metadata/5'] })),
      open(scoped, issue(sampleSession(), { resources: [], scope: 'pms:read' }))
    ]
    const piece = fc.constantFrom(
      ...[
        '/',
        '//',
        '/./',
        '/../',
        '/..',
        '\\',
        '%2f',
        '%2F',
        '%5c',
        '%2e',
        '%2e%2e',
        '..;',
        ';',
        '%00',
        '%25'
      ],
      ...[
        '/library',
        '/library/metadata/5',
        '/metadata',
        '/5',
        '5',
        '55',
        ',6',
        '/6',
        '/children',
        '/thumb/1'
      ],
      ...[
        '/Library',
        '/LIBRARY/METADATA/5',
        '/library/parts/1/2/file.mkv',
        '/hubs',
        '/hubs/search',
        '/:/',
        ':'
      ],
      ...['/photo/:/transcode', '/video/:/transcode/universal/start.m3u8', '?', '&', '#', '%3f', '%23', ' '],
      ...[
        '?url=/library/metadata/5/thumb/1',
        '?url=/library/metadata/6/thumb/1',
        '?path=/library/metadata/6'
      ],
      ...[
        '&url=%2flibrary%2fmetadata%2f6%2fthumb%2f1',
        '&PATH=/library/sections',
        '&url[]=/hubs',
        '%75rl=/hubs'
      ]
    )
    const base = fc.constantFrom('', ...inside, '/library/metadata/6', '/photo/:/transcode?url=', '/hubs')
    const target = fc
      .tuple(base, fc.array(piece, { maxLength: 4 }))
      .map(([start, pieces]) => `/pms${start}${pieces.join('')}`)
    let passed = 0
    let reached = 0
    fc.assert(
      fc.property(
        target,
        fc.constantFrom('GET', 'HEAD', 'PUT'),
        fc.constantFrom(...tokens),
        (raw, method, token) => {
          const read = readTarget(raw, '/pms')
          if (read === null) return true
          const rule = policy.find(method, read.path, 'owner')
          if (rule === null || !token.allows(rule.class, read.path)) return true
          let upstream: string
          try {
            const caller = { policy, role: 'owner', machineIdentifier: 'box', allows: token.allows } as const
            upstream = checkParameters(rule, read.upstream, caller)
          } catch {
            return true
          }
          passed += 1
          // The verdict by other means: what a URL parser makes of that which would be sent.
          const url = new URL(upstream, 'http://pms.invalid')
          const paths = [decodeURIComponent(url.pathname)]
          for (const [name, value] of url.searchParams) {
            if (rule.parameters === 'local-url' && /^(url|path)/i.test(name))
              paths.push(new URL(value, 'http://pms.invalid').pathname)
          }
          if (paths.length > 1) reached += 1
          const { resources, scope } = token.claims
          const isMedia = rule.class === 'media'
          return (
            url.host === 'pms.invalid' &&
            (scope === 'pms:stream' || !isMedia) &&
            paths.every((path) =>
              resources.length === 0
                ? true
                : resources.some((prefix) => path === prefix || path.startsWith(`${prefix}/`))
            )
          )
        }
      ),
      { numRuns: 20_000 }
    )
    t.ok(passed > 500, `${passed} of them passed`)
    t.ok(reached > 5, `${reached} through a transcoder`)
  }
)

t.test('pms:read reaches everything but media bytes, pms:stream those too', async (t) => {
  const { scoped, issue } = create()
  const read = open(scoped, issue(sampleSession()))
  const stream = open(scoped, issue(sampleSession(), { scope: 'pms:stream' }))
  for (const routeClass of ['api', 'event', 'upgrade', 'media'] as const) {
    t.equal(read.allows(routeClass, '/x'), routeClass !== 'media')
    t.ok(stream.allows(routeClass, '/x'))
  }
})

t.test('the owner is nobody without a token or a server', async (t) => {
  for (const plexToken of ['owner-token', null]) {
    const refusal = await create({ plexToken })
      .owner.session()
      .catch((error: unknown) => error)
    t.match(refusal, { error: 'invalid_target', status: 400 })
  }
})

t.test('a refusal says why, and clears no cookie', async (t) => {
  const { scoped, issue, clock, revocations } = create()
  const refusal = (code: string) => ({ open: false, code, clear: false })
  t.strictSame(scoped.open('x'), refusal('USHER_SESSION_INVALID'))
  const session = sampleSession()
  const token = issue(session)
  revocations.revoke({ kind: 'session', id: session.id, until: NOW + DAY })
  t.strictSame(scoped.open(token), refusal('USHER_SESSION_REVOKED'))
  clock.advance(HOUR)
  t.strictSame(scoped.open(token), refusal('USHER_SESSION_EXPIRED'), 'an end that would have come anyway')
})

t.test('rule 11: a minute ahead is the last that opens', async (t) => {
  const { scoped, issue, clock } = create()
  const token = issue(sampleSession())
  clock.advance(-MINUTE)
  t.ok(scoped.open(token).open)
  clock.advance(-1)
  t.notOk(create({ seal: sampleSeal() }).scoped.open(token).open)
})

t.test('a token is unsealed once, until it is over', async (t) => {
  const sealed = sampleSeal()
  let unseals = 0
  const seal: Seal = {
    ...sealed,
    unseal: (purpose, text) => {
      unseals += 1
      return sealed.unseal(purpose, text)
    }
  }
  const { scoped, issue, clock, revocations } = create({ seal })
  const [first, second] = [issue(sampleSession()), issue(sampleSession())]
  const unsealsOf = (token: string) => {
    unseals = 0
    scoped.open(token)
    return unseals
  }
  t.strictSame([unsealsOf(first), unsealsOf(first), unsealsOf(second)], [1, 0, 1])
  t.equal(open(scoped, first).live.kid, 'k1', 'it is known by which key')
  scoped.forget()
  t.strictSame(
    [unsealsOf(first), unsealsOf(second), unsealsOf(first)],
    [1, 1, 0],
    'after a change of keys again'
  )
  scoped.revoke(open(scoped, second))
  t.match(revocations.all(), [{ kind: 'token', until: NOW + HOUR + MINUTE }], 'for clocks that are behind')
  t.strictSame([unsealsOf(second), unsealsOf(second)], [0, 1], 'a revoked one is forgotten')
  clock.advance(HOUR)
  t.strictSame([unsealsOf(first), unsealsOf(first)], [0, 1], 'and an expired one')
})

t.test('rule 10: a token of the owner names its server, and is none without', async (t) => {
  const { scoped, seal } = create()
  const openWith = (subject: unknown) =>
    scoped.open(seal.seal('scoped', [1, 'id', 'full', true, 'pms:read', [], NOW, NOW + HOUR, subject]))
  t.match(openWith(['Box', 'box']), {
    live: { session: { server: { name: 'Box', machineIdentifier: 'box', uri: null } } }
  })
  for (const subject of [[], ['Box'], [7, 'box'], ['Box', null]])
    t.match(openWith(subject), { open: false, code: 'USHER_SESSION_INVALID' }, JSON.stringify(subject))
})
