import t from 'tap'
import { createPrincipals } from '../../../src/forward/principals.ts'
import type { MediaServer } from '../../../src/plex/media-server.ts'
import type { ServerIdentity } from '../../../src/plex/server-identity.ts'
import { createLiveSession } from '../../../src/session/live/live-sessions.ts'
import type { Session } from '../../../src/session/session.ts'
import { createClock, NOW, sampleSession } from '../session/sample.ts'

const BOX = sampleSession().server?.machineIdentifier ?? ''
const identityOf = (machineIdentifier: string): ServerIdentity => ({
  machineIdentifier,
  version: '1',
  claimed: true
})

function principalStand({ url = 'http://pms:32400/plex//' } = {}) {
  const clock = createClock()
  const proven = { identity: null as ServerIdentity | null }
  const asked: unknown[] = []
  const mediaServer = {
    url,
    verifiedIdentity: () => proven.identity,
    verifyIdentity: async (expected?: string) => void asked.push(['verify', expected])
  } as unknown as MediaServer
  const standing = { of: 'good', ask: 'good', hasEnded: false }
  let server: MediaServer | null = mediaServer
  const core = {
    config: { client: { product: 'Usher', version: '1', platform: 'Linux', deviceName: 'Wohnzimmer é' } },
    standings: {
      of: () => standing.of,
      ask: async () => {
        asked.push('ask')
        return standing.ask
      },
      hasEnded: (session: Session) => {
        asked.push(['ended?', session.id])
        return standing.hasEnded
      }
    },
    streams: {
      add: (...args: unknown[]) => {
        asked.push(args)
        return () => undefined
      }
    },
    mediaServerOf: () => server
  } as unknown as Parameters<typeof createPrincipals>[0]
  const principals = createPrincipals(core, clock.now)
  const principalOf = (changes: Partial<Session> = {}, serviceId?: string) => {
    const live = createLiveSession(sampleSession(changes))
    const access = { live, ...(serviceId !== undefined && { serviceId }) }
    const principal = principals.of(access)
    if (principal === null) throw new Error('no principal')
    return { live, access, principal }
  }
  return {
    clock,
    proven,
    asked,
    standing,
    mediaServer,
    principals,
    principalOf,
    without: () => {
      server = null
    }
  }
}

t.test('rule 77: a server is proven while it is the very one that the session means', async (t) => {
  const { principalOf, proven, asked } = principalStand()
  const { principal } = principalOf()
  t.equal(principal.isProven(), false, 'nothing was proven')
  proven.identity = identityOf('another')
  t.equal(principal.isProven(), false, 'another machine is at the address')
  proven.identity = identityOf(BOX)
  t.equal(principal.isProven(), true)
  t.equal(principal.isProven(), true)
  proven.identity = identityOf('another')
  t.equal(principal.isProven(), false, 'and another one again')
  proven.identity = null
  t.equal(principal.isProven(), false, 'every connection was closed')
  proven.identity = identityOf(BOX)
  t.equal(principal.isProven(), true, 'a new proof of the same server')
  await principal.prove()
  t.strictSame(asked, [['verify', BOX]], 'which is asked to be that one')
})

t.test('a session is forwarded to its server, with its own token, last', async (t) => {
  const { principalOf, mediaServer } = principalStand()
  const { principal } = principalOf({ role: 'shared', serverToken: 'server-token', clientIdentifier: 'çid' })
  const { role, machineIdentifier, origin, basePath } = principal
  t.strictSame([role, machineIdentifier, origin, basePath], ['shared', BOX, 'http://pms:32400', '/plex'])
  t.equal(principal.mediaServer, mediaServer)
  t.strictSame(principal.identity.fields, [
    'X-Plex-Product',
    'Usher',
    'X-Plex-Version',
    '1',
    'X-Plex-Platform',
    'Linux',
    'X-Plex-Device',
    'Linux',
    'X-Plex-Device-Name',
    'Wohnzimmer Ã©',
    'X-Plex-Client-Identifier',
    'Ã§id',
    'X-Plex-Token',
    'server-token'
  ])
  t.equal(principalStand({ url: 'https://pms' }).principalOf().principal.basePath, '')
})

t.test('without a role, a server or a token for it there is none', async (t) => {
  const { principals, without } = principalStand()
  const of = (changes: Partial<Session>) => principals.of({ live: createLiveSession(sampleSession(changes)) })
  t.equal(of({ role: 'none' }), null)
  t.equal(of({ server: null }), null)
  t.equal(of({ serverToken: null }), null)
  t.not(of({}), null)
  without()
  t.equal(of({}), null)
})

t.test('it is made once for the data of a session, and anew for others', async (t) => {
  const { principals, principalOf } = principalStand()
  const { live, access, principal } = principalOf()
  t.equal(principals.of(access), principal)
  live.session = { ...live.session, serverToken: 'next' }
  const next = principals.of(access)
  t.not(next, principal)
  t.equal(next?.identity.fields.at(-1), 'next')
  live.session = { ...live.session, role: 'none' }
  t.equal(principals.of(access), null)
  t.equal(principals.of(access), null)
})

t.test('rule 69: an account shares one load, and a service in its name has another', async (t) => {
  const { principalOf } = principalStand()
  const [one, two] = [principalOf().principal, principalOf().principal]
  t.equal(one.load, two.load)
  const service = principalOf({}, 'svc').principal
  t.not(service.load, one.load)
  t.equal(principalOf({}, 'svc').principal.load, service.load)
  t.not(principalOf({}, 'another').principal.load, service.load)
  const other = principalOf({ account: { ...sampleSession().account, id: 5 } }).principal
  t.not(other.load, one.load)
  const { load } = one
  for (let id = 100; id < 10_200; id++) principalOf({ account: { ...sampleSession().account, id } })
  t.equal(load.isKept, false, 'so many drop those that are idle')
  t.equal(one.load.isKept, true, 'and who comes back gets another')
  t.equal(one.load, principalOf().principal.load)
})

t.test('rule 56: every token of the session is masked, and no other text', async (t) => {
  const homeAdmin = { accountId: 9, uuid: 'u', token: 'admin-token-00000001', clientIdentifier: 'c' }
  const tokens = { accountToken: 'account-token-000001', serverToken: 'server-token-0000001' }
  const { principal } = principalStand().principalOf({ ...tokens, homeAdmin })
  const scrub = (text: string) => {
    const scrubber = principal.createScrubber('text')
    return Buffer.concat([scrubber.scrub(Buffer.from(text)), scrubber.flush()]).toString()
  }
  const stars = '*'.repeat(20)
  t.equal(
    scrub('account-token-000001 server-token-0000001 admin-token-00000001 plain'),
    `${stars} ${stars} ${stars} plain`
  )
  t.equal(scrub('server-token-0000001'), stars, 'each body has a scrubber of its own')
  const alone = principalStand().principalOf(tokens).principal.createScrubber('text')
  t.equal(alone.scrub(Buffer.from('admin-token-00000001 ')).toString(), 'admin-token-00000001 ')
})

t.test('streams and the end of the session are asked of the session', async (t) => {
  const { principalOf, asked, standing } = principalStand()
  const { principal, live } = principalOf()
  const abort = () => undefined
  principal.addStream('media', abort, '/x')
  t.strictSame(asked.pop(), [live, 'media', abort, '/x', undefined])
  t.equal(principal.hasEnded(), false)
  standing.hasEnded = true
  t.equal(principal.hasEnded(), true)
  t.strictSame(asked.pop(), ['ended?', live.session.id])
})

t.test(
  'rule 23: what a 401 of the media server means is asked of plex.tv, not for every request',
  async (t) => {
    for (const [answer, code] of [
      ['good', 'USHER_SERVER_ACCESS_DENIED'],
      ['denied', 'USHER_SERVER_ACCESS_DENIED'],
      ['unproven', 'USHER_UPSTREAM_UNREACHABLE'],
      ['past-grace', 'USHER_UPSTREAM_UNREACHABLE'],
      ['unknown', 'USHER_UPSTREAM_UNREACHABLE'],
      ['ended', 'USHER_SESSION_REVOKED']
    ] as const) {
      const { principalOf, standing, asked, clock } = principalStand()
      const { principal } = principalOf({ checkedAt: NOW })
      Object.assign(standing, { of: answer, ask: 'good' })
      clock.advance(5000)
      const known = await principal.explainUnauthorized()
      t.match(known, { code, upstream: { service: 'pms', status: 401, code: null } }, answer)
      t.strictSame(asked, [], 'plex.tv said so less than five seconds ago')
      Object.assign(standing, { of: 'good', ask: answer })
      clock.advance(1)
      t.equal((await principal.explainUnauthorized()).code, code, answer)
      t.strictSame(asked, ['ask'])
    }
  }
)
