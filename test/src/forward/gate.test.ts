import type { IncomingMessage } from 'node:http'
import { setImmediate } from 'node:timers/promises'
import type { FastifyReply } from 'fastify'
import t from 'tap'
import type { ProblemCode } from '../../../src/domain/problems.ts'
import type { ForwardCall } from '../../../src/forward/forward-call.ts'
import { createGate, type GateOptions } from '../../../src/forward/gate.ts'
import { Load } from '../../../src/forward/loads.ts'
import { createPolicy } from '../../../src/forward/policy.ts'
import type { PmsPrincipal } from '../../../src/forward/principals.ts'
import { LIMITS } from '../../../src/forward/scheduler.ts'
import type { ScopedAccess } from '../../../src/forward/scoped-access.ts'
import type { Upgrade } from '../../../src/forward/upgrades.ts'
import { createLiveSession } from '../../../src/session/live/live-sessions.ts'
import type { Settled, Standing } from '../../../src/session/standing.ts'
import { DAY, NAMES, NOW, sampleSession } from '../session/sample.ts'
import { stand } from '../session/stand.ts'

interface Asked {
  readonly method?: string
  readonly url?: string
  readonly headers?: IncomingMessage['headers']
}

/** A gate with real sessions and the real policy; who is forwarded, and where to, is written down. */
function gateStand(changes: { readonly hasScoped?: boolean; readonly basePath?: string } = {}) {
  const { hasScoped = true, basePath = '' } = changes
  const { sessions, revocations, clock } = stand()
  const session = sampleSession()
  const cookie = `${NAMES.session}=${sessions.seal(session)}`
  const load = new Load()
  const scopedLive = createLiveSession(sampleSession())
  const scoped: ScopedAccess = { open: true, live: scopedLive, serviceId: 'svc', allows: () => true }
  const state = {
    standing: 'good' as Standing,
    settled: (async () => 'good') as () => Promise<Settled>,
    crossSite: null as ReturnType<GateOptions['findCrossSite']>,
    principal: {
      load,
      role: 'owner',
      machineIdentifier: 'box',
      origin: 'http://pms:32400',
      basePath
    } as PmsPrincipal | null,
    scoped: scoped as ReturnType<NonNullable<GateOptions['readScoped']>>
  }
  const calls: (ForwardCall & Partial<Upgrade>)[] = []
  const said: unknown[] = []
  const upgrades = new WeakMap<IncomingMessage, Upgrade>()
  const gate = createGate({
    core: {
      sessions,
      standings: {
        of: () => state.standing,
        settle: () => state.settled(),
        ask: async () => 'good',
        hasEnded: () => false,
        mayStream: () => true
      },
      metrics: {
        csrfRefusals: { inc: (labels: unknown) => said.push(['csrf', labels]) },
        rateLimited: { inc: (labels: unknown) => said.push(['limited', labels]) }
      },
      audit: { note: (...event: unknown[]) => said.push(event) }
    } as unknown as GateOptions['core'],
    mount: '/pms',
    forwarders: {
      of: (principal: unknown) => ({
        forward: (call: ForwardCall) => calls.push(call),
        upgrade: (call: ForwardCall) => {
          said.push(['upgraded', principal === state.principal])
          calls.push(call)
        }
      })
    } as unknown as GateOptions['forwarders'],
    policy: createPolicy({ ownerAdmin: true }),
    principals: {
      of: (access) => {
        said.push(access.live === scopedLive ? 'principal of a token' : 'principal of a cookie')
        return state.principal
      }
    },
    upgrades,
    findCrossSite: (headers, unsafe) => {
      said.push(['cross-site?', headers['sec-fetch-site'], unsafe])
      return state.crossSite
    },
    serializeCookie: (value) => `serialized ${value.slice(0, 3)}`,
    readScoped: hasScoped
      ? (token) => {
          said.push(['token', token])
          return state.scoped
        }
      : null
  })

  /** Who a request is refused by: the code, or undefined if it passed or waits. */
  function ask({ method = 'GET', url = '/library', headers = { cookie } }: Asked = {}) {
    const fields: Record<string, unknown> = {}
    const sent: unknown[] = []
    const raw = { method, url: `/pms${url}`, headers } as IncomingMessage
    const reply = {
      request: { raw, method, ip: '192.0.2.7', id: 'req-7' },
      header: (name: string, value: unknown) => {
        fields[name] = value
      },
      getHeaders: () => fields,
      removeHeader: (name: string) => {
        delete fields[name]
      },
      code: (status: number) => {
        fields['status'] = status
        return reply
      },
      headers: (more: object) => {
        Object.assign(fields, more)
        return reply
      },
      send: (payload: unknown) => sent.push(payload)
    }
    let code: ProblemCode | undefined
    try {
      gate(reply as unknown as FastifyReply)
    } catch (error) {
      code = (error as { code: ProblemCode }).code
    }
    return { code, fields, sent, raw, reply, call: calls.at(-1) }
  }

  /** Whether a cross-site check was made, as what. */
  const checks = () => said.filter((each) => Array.isArray(each) && each[0] === 'cross-site?')
  const tokens = () =>
    said.flatMap((each) => (Array.isArray(each) && each[0] === 'token' ? [each[1] as unknown] : []))
  return {
    sessions,
    revocations,
    clock,
    session,
    cookie,
    load,
    state,
    calls,
    said,
    upgrades,
    ask,
    checks,
    tokens
  }
}

t.test('five methods reach the media server; for any other the answer names them', async (t) => {
  const { ask, calls, said } = gateStand()
  for (const method of ['OPTIONS', 'PATCH', 'TRACE', 'PROPFIND', 'get', '']) {
    const { code, fields } = ask({ method })
    t.equal(code, 'USHER_METHOD_NOT_ALLOWED', method)
    t.equal(fields['allow'], 'GET, HEAD, POST, PUT, DELETE')
  }
  t.strictSame(said, [], 'nothing else was looked at')
  for (const [method, url] of [
    ['GET', '/library'],
    ['HEAD', '/library'],
    ['POST', '/playQueues'],
    ['PUT', '/:/scrobble'],
    ['DELETE', '/playQueues/7/items/9']
  ] as const)
    t.equal(ask({ method, url }).code, undefined, method)
  t.equal(calls.length, 5)
})

t.test('a call has what it needs to be forwarded, and no more rights than its rule', async (t) => {
  const { ask, state } = gateStand()
  const { raw, reply, call } = ask({ url: '/library/sections/1/all?type=1' })
  t.equal(call?.sink, reply)
  t.equal(call?.request, raw)
  t.equal(call?.principal, state.principal)
  t.match(call, {
    method: 'GET',
    origin: 'http://pms:32400',
    path: '/library/sections/1/all?type=1',
    class: 'api',
    largeBody: false,
    bodyCheck: null,
    repeatable: true
  })
  t.match(ask({ method: 'HEAD', url: '/library/parts/7/1/a.mkv' }).call, { class: 'media', repeatable: true })
  const written = ask({ method: 'POST', url: '/playQueues?X-Plex-Token=x' }).call
  t.match(written, { path: '/playQueues', repeatable: false, largeBody: false })
  t.equal(typeof written?.bodyCheck?.checkForm, 'function', 'the body of a write is checked')
  t.equal(
    ask({ url: '/:/scrobble?key=1' }).call?.repeatable,
    false,
    'a GET that changes something is sent once'
  )
  const poster = ask({
    method: 'POST',
    url: '/library/metadata/7/posters?url=https://image.tmdb.org/a.jpg'
  }).call
  t.match(poster, { largeBody: true, path: '/library/metadata/7/posters?url=https://image.tmdb.org/a.jpg' })
  t.throws(() => poster?.bodyCheck?.checkForm('url=http://evil.test/'), { code: 'USHER_INVALID_REQUEST' })
  const below = gateStand({ basePath: '/plex' })
  t.equal(below.ask({ url: '/library?a=1' }).call?.path, '/plex/library?a=1')
})

t.test('what a rule says of parameters holds for reads and writes', async (t) => {
  const { ask, calls } = gateStand()
  for (const [method, url, code] of [
    ['GET', '/photo/:/transcode?url=http%3A%2F%2Fevil.test', 'USHER_INVALID_REQUEST'],
    ['HEAD', '/photo/:/transcode?url=http%3A%2F%2Fevil.test', 'USHER_INVALID_REQUEST'],
    ['PUT', '/library/parts/7?audioStreamID=1&other=2', 'USHER_PATH_DENIED'],
    [
      'POST',
      '/playlists?uri=server%3A%2F%2Fother%2Fcom.plexapp.plugins.library%2Flibrary',
      'USHER_INVALID_REQUEST'
    ]
  ] as const)
    t.equal(ask({ method, url }).code, code, `${method} ${url}`)
  t.equal(calls.length, 0)
  const own = '/playlists?uri=server%3A%2F%2Fbox%2Fcom.plexapp.plugins.library%2Flibrary%2Fmetadata%2F1'
  t.equal(ask({ method: 'POST', url: own }).code, undefined, 'an item of the principal’s own server')
  for (const method of ['GET', 'HEAD']) {
    const read = ask({ method, url: '/photo/:/transcode?url=%2Flibrary%2Fmetadata%2F1%2Fthumb%2F2' })
    t.equal(read.code, undefined)
    t.equal(read.call?.bodyCheck, null, `${method} has no body to check`)
  }
})

t.test('a target that two parsers may read in two ways goes nowhere', async (t) => {
  const { ask, said } = gateStand()
  for (const url of ['/library/../security', '//library', '/library?a=%00', 'x'])
    t.equal(ask({ url }).code, 'USHER_INVALID_REQUEST', url)
  t.strictSame(said, [])
})

t.test('rule 27: a cross-site request is refused before anything is said of its session', async (t) => {
  const { ask, state, said, calls, cookie } = gateStand()
  state.crossSite = 'origin'
  for (const headers of [{ cookie }, {}, { cookie: `${NAMES.session}=forged` }]) {
    said.length = 0
    t.equal(ask({ headers }).code, 'USHER_CROSS_SITE')
    t.strictSame(said.slice(-2), [
      ['csrf', { reason: 'origin' }],
      ['csrf.refused', { address: '192.0.2.7', reason: 'origin' }, 'req-7']
    ])
  }
  t.equal(calls.length, 0)
})

t.test('rule 28: what may change something is checked as such, by its method or by its rule', async (t) => {
  const { ask, checks, said, cookie } = gateStand()
  for (const [method, url, unsafe] of [
    ['GET', '/library', false],
    ['HEAD', '/library', false],
    ['GET', '/nowhere', false],
    ['GET', '/:/scrobble', true],
    ['HEAD', '/:/scrobble', true],
    ['POST', '/playQueues', true],
    ['PUT', '/nowhere', true],
    ['DELETE', '/nowhere', true]
  ] as const) {
    said.length = 0
    ask({ method, url, headers: { cookie, 'sec-fetch-site': 'same-site' } })
    t.strictSame(checks(), [['cross-site?', 'same-site', unsafe]], `${method} ${url}`)
  }
})

t.test('the reason why there is no session is the answer', async (t) => {
  const { ask, session, sessions, revocations, cookie, clock } = gateStand()
  const refused = (headers: IncomingMessage['headers']) => {
    const { code, fields } = ask({ headers })
    t.notOk('www-authenticate' in fields, 'no token was the problem')
    return code
  }
  t.equal(refused({}), 'USHER_SESSION_REQUIRED')
  t.equal(refused({ cookie: `${NAMES.session}=x` }), 'USHER_SESSION_INVALID')
  const short = sessions.seal(sampleSession({ expiresAt: NOW + 5 }))
  clock.advance(5)
  t.equal(refused({ cookie: `${NAMES.session}=${short}` }), 'USHER_SESSION_EXPIRED')
  t.equal(refused({ cookie }), undefined)
  revocations.revoke({ kind: 'session', id: session.id, until: NOW + DAY })
  t.equal(refused({ cookie }), 'USHER_SESSION_REVOKED')
})

t.test(
  'a token counts where there is no cookie, wherever clients put it, and needs no same origin',
  async (t) => {
    const { ask, tokens, checks, said, cookie, calls, state } = gateStand()
    state.crossSite = 'origin'
    for (const [headers, url, token] of [
      [{ authorization: 'Bearer abc' }, '/library', 'abc'],
      [{ authorization: 'bEARER  abc ' }, '/library', 'abc'],
      [{ authorization: 'Bearer abc', 'x-plex-token': 'other' }, '/library?X-Plex-Token=third', 'abc'],
      [{ authorization: 'Basic abc', 'x-plex-token': 'def' }, '/library?X-Plex-Token=third', 'def'],
      [{ authorization: 'xBearer abc' }, '/library?X-Plex-Token=third', 'third'],
      [{ authorization: 'Bearerabc' }, '/library?X-Plex-Token=third', 'third'],
      [{ 'x-plex-token': ['a', 'b'] }, '/library?X-Plex-Token=third', 'third'],
      [{}, '/library?X-Plex-Token=third', 'third']
    ] as const) {
      said.length = 0
      t.equal(ask({ headers: headers as IncomingMessage['headers'], url }).code, undefined)
      t.strictSame(tokens(), [token])
      t.strictSame(checks(), [])
      t.ok(said.includes('principal of a token'))
    }
    t.equal(calls.length, 8)
    state.crossSite = null
    for (const [headers, code] of [
      [{ cookie, authorization: 'Bearer abc' }, undefined],
      [{ cookie: `${NAMES.session}=x`, authorization: 'Bearer abc' }, 'USHER_SESSION_INVALID']
    ] as const) {
      said.length = 0
      t.equal(ask({ headers }).code, code, 'a cookie takes precedence, a bad one too')
      t.strictSame(tokens(), [])
      t.equal(checks().length, 1)
    }
  }
)

t.test('a token that is refused says so as RFC 6750 has it', async (t) => {
  const { ask, state, calls } = gateStand()
  state.scoped = { open: false, code: 'USHER_SESSION_REVOKED', clear: false }
  const { code, fields } = ask({ headers: { authorization: 'Bearer abc' } })
  t.equal(code, 'USHER_SESSION_REVOKED')
  t.equal(fields['www-authenticate'], 'Bearer realm="usher", error="invalid_token"')
  const off = gateStand({ hasScoped: false })
  t.equal(
    off.ask({ headers: { authorization: 'Bearer abc' } }).code,
    'USHER_SESSION_REQUIRED',
    'none are accepted'
  )
  t.equal(calls.length + off.calls.length, 0)
})

t.test('a token reaches what its scope covers, and its own role', async (t) => {
  const { ask, state } = gateStand()
  const asked: unknown[] = []
  const { live } = state.scoped as ScopedAccess
  let answer = true
  state.scoped = {
    open: true,
    live,
    serviceId: 'svc',
    allows: (routeClass, path) => {
      asked.push([routeClass, path])
      return answer
    }
  }
  const headers = { authorization: 'Bearer abc' }
  t.equal(ask({ headers, url: '/library/parts/7/1/a%20b.mkv' }).code, undefined)
  t.strictSame(asked, [['media', '/library/parts/7/1/a b.mkv']])
  asked.length = 0
  t.equal(
    ask({ headers, url: '/photo/:/transcode?url=%2Flibrary%2Fmetadata%2F1%2Fthumb%2F2' }).code,
    undefined
  )
  t.match(
    asked.at(-1),
    ['api', '/library/metadata/1/thumb/2'],
    'what the server would fetch is asked about too'
  )
  answer = false
  t.equal(ask({ headers }).code, 'USHER_PATH_DENIED')
  t.equal(ask({ headers, url: '/nowhere' }).code, 'USHER_PATH_DENIED')
})

t.test('the browser of a session is noted once, and that of a token never', async (t) => {
  const { ask, sessions, cookie, state } = gateStand()
  sessions.read(cookie)
  sessions.read(cookie)
  const read = sessions.read(cookie)
  if (!read.open) throw new Error('closed')
  ask({ headers: { cookie, 'user-agent': 'First' } })
  t.strictSame(read.live.client, { userAgent: 'First', address: '192.0.2.7' })
  ask({ headers: { cookie, 'user-agent': 'Second' } })
  t.equal(read.live.client?.userAgent, 'First')
  read.live.client = null
  ask()
  t.strictSame(read.live.client, { userAgent: '', address: '192.0.2.7' })
  ask({ headers: { authorization: 'Bearer abc', 'user-agent': 'Service' } })
  t.equal((state.scoped as ScopedAccess).live.client, null)
})

t.test('a session that may not act is refused, and says why', async (t) => {
  const { ask, state, calls } = gateStand()
  for (const [standing, code] of [
    ['denied', 'USHER_SERVER_ACCESS_DENIED'],
    ['past-grace', 'USHER_UPSTREAM_UNREACHABLE'],
    ['ended', 'USHER_SESSION_REVOKED']
  ] as const) {
    state.standing = standing
    t.equal(ask({ url: '/nowhere' }).code, code)
  }
  t.equal(calls.length, 0)
})

t.test('a session without a server has no path, and a path without a rule is refused', async (t) => {
  const { ask, state } = gateStand()
  t.equal(ask({ url: '/security/token' }).code, 'USHER_PATH_DENIED')
  state.principal = { ...state.principal, role: 'shared' } as PmsPrincipal
  t.equal(ask({ url: '/status/sessions' }).code, 'USHER_PATH_DENIED', 'that rule is the owner’s')
  state.principal = null
  t.equal(ask({ url: '/security/token' }).code, 'USHER_SERVER_ACCESS_DENIED')
})

t.test('rule 85: an unproven session waits, and its cookie is read again afterwards', async (t) => {
  const { ask, state, calls, load, session, revocations } = gateStand()
  state.standing = 'unproven'
  const waiting = Promise.withResolvers<Settled>()
  state.settled = () => waiting.promise
  const first = ask()
  t.equal(first.code, undefined)
  t.equal(calls.length, 0)
  t.equal(load.api.waiting, 1, 'it counts as waiting')
  waiting.resolve('good')
  await setImmediate()
  t.equal(calls.length, 1, 'and is not asked to wait twice')
  t.equal(load.api.waiting, 0)

  state.settled = async () => 'past-grace'
  const refused = ask()
  await setImmediate()
  t.match(refused.sent, [{ code: 'USHER_UPSTREAM_UNREACHABLE' }])

  const failure = new Error('the check failed')
  state.settled = () => Promise.reject(failure)
  const failed = ask()
  await setImmediate()
  t.strictSame(failed.sent, [failure])
  t.equal(load.api.waiting, 0)

  const long = Promise.withResolvers<Settled>()
  state.settled = () => long.promise
  const ended = ask()
  revocations.revoke({ kind: 'session', id: session.id, until: NOW + DAY })
  long.resolve('good')
  await setImmediate()
  t.match(ended.sent, [{ code: 'USHER_SESSION_REVOKED' }])
  t.equal(calls.length, 1)
})

t.test('rule 69: what waits for plex.tv counts against its account', async (t) => {
  const { ask, state, load, said, calls } = gateStand()
  state.standing = 'unproven'
  let settles = 0
  state.settled = async () => {
    settles += 1
    return 'good'
  }
  load.api.waiting = LIMITS.api.waiting
  const full = ask()
  await setImmediate()
  t.match(full.sent, [{ code: 'USHER_BUSY' }])
  t.strictSame(said.at(-1), ['limited', { limit: 'account_requests' }])
  t.equal(settles, 0)
  t.equal(load.api.waiting, LIMITS.api.waiting)
  load.api.waiting -= 1
  ask()
  await setImmediate()
  t.equal(calls.length, 1, 'the last place is free')
  state.principal = null
  const nobody = ask()
  await setImmediate()
  t.match(nobody.sent, [{ code: 'USHER_SERVER_ACCESS_DENIED' }], 'a session without a server waits as well')
  t.equal(settles, 2)
})

t.test('an upgrade needs its socket; a path for sockets is nothing else', async (t) => {
  const { ask, upgrades, calls, said, cookie, state } = gateStand()
  const url = '/:/websockets/notifications'
  const plain = ask({ url })
  t.match(plain.sent, [
    { code: 'USHER_INVALID_REQUEST', detail: 'This path accepts WebSocket upgrades only.' }
  ])
  t.equal(calls.length, 0)
  const upgrade = { socket: {}, head: Buffer.from('x') } as unknown as Upgrade
  const raw = { method: 'GET', url: `/pms${url}`, headers: { cookie } } as unknown as IncomingMessage
  upgrades.set(raw, upgrade)
  const has = upgrades.has.bind(upgrades)
  t.ok(has(raw))
  const get = upgrades.get.bind(upgrades)
  upgrades.get = () => get(raw)
  const { call } = ask({ url })
  t.match(call, { class: 'upgrade', method: 'GET', path: url })
  t.equal(call?.socket, upgrade.socket)
  t.equal(call?.head, upgrade.head)
  t.equal(call?.principal, state.principal)
  t.strictSame(said.at(-1), ['upgraded', true])
  t.equal(ask().call?.socket, undefined, 'a path for requests never gets a socket')
})

t.test('the answer sets a renewed cookie, and CORS fields for a browser that names its origin', async (t) => {
  const { ask, cookie, clock, session, revocations } = gateStand()
  t.strictSame(ask().call?.extra(), [], 'nothing is due')
  const named = ask({ headers: { cookie, origin: 'https://app.example' } })
  t.strictSame(named.call?.extra(), [])
  const cors = { vary: 'Origin', 'access-control-allow-origin': 'https://app.example', 'x-other': '1' }
  Object.assign(named.fields, cors, { 'access-control-expose-headers': 7 })
  const flat = ['vary', 'Origin', 'access-control-allow-origin', 'https://app.example']
  t.strictSame(named.call?.extra(), [...flat, 'access-control-expose-headers', '7'])

  clock.advance(DAY)
  const renewed = ask()
  Object.assign(renewed.fields, cors)
  t.strictSame(renewed.call?.extra(), ['set-cookie', 'serialized eyJ'], 'no CORS without an origin')
  const both = ask({ headers: { cookie, origin: 'https://app.example' } })
  Object.assign(both.fields, cors)
  t.strictSame(both.call?.extra(), ['set-cookie', 'serialized eyJ', ...flat])
  const token = ask({ headers: { authorization: 'Bearer abc' } })
  t.strictSame(token.call?.extra(), [], 'a token renews no cookie')

  const late = ask()
  revocations.revoke({ kind: 'session', id: session.id, until: NOW + 2 * DAY })
  t.strictSame(late.call?.extra(), [], 'nor does a session that has ended since')
})

/** A token for playback of `/library/parts/7/1/a.mkv` alone. */
function playbackOf(live: ScopedAccess['live']) {
  const asked: unknown[] = []
  const access: ScopedAccess = {
    open: true,
    live,
    allows: (routeClass, path) => {
      asked.push(['allows', routeClass, path])
      return routeClass === 'media'
    },
    playback: {
      token: 'given-away',
      plays: (path, upstream) => {
        asked.push(['plays', path, upstream])
        return path === '/library/parts/7/1/a b.mkv' || path.startsWith('/video/')
      },
      listedWith: () => undefined
    }
  }
  return { access, asked }
}

const FILE = '/library/parts/7/1/a%20b.mkv'
const WITH_TOKEN = `${FILE}?X-Plex-Token=given-away`

t.test(
  'a token for playback opens its own address to receivers of any origin, and nothing else',
  async (t) => {
    const { ask, state, calls } = gateStand()
    const { access, asked } = playbackOf((state.scoped as ScopedAccess).live)
    state.scoped = access
    for (const method of ['GET', 'HEAD']) {
      const { code, call, fields } = ask({ method, url: WITH_TOKEN, headers: {} })
      t.equal(code, undefined)
      t.strictSame(asked.splice(0), [
        ['plays', '/library/parts/7/1/a b.mkv', FILE],
        ['allows', 'media', '/library/parts/7/1/a b.mkv']
      ])
      t.equal(fields['access-control-allow-origin'], '*')
      t.equal(call?.handOn, 'given-away', 'playlists hand it on')
      t.strictSame(call?.extra().slice(0, 2), ['access-control-allow-origin', '*'])
    }
    const before = calls.length
    for (const [method, url] of [
      ['GET', '/library?X-Plex-Token=given-away'],
      ['POST', WITH_TOKEN],
      ['PUT', WITH_TOKEN]
    ] as const) {
      const { code, fields } = ask({ method, url, headers: {} })
      t.equal(code, 'USHER_PATH_DENIED')
      t.equal(fields['access-control-allow-origin'], '*', 'a receiver may read why')
    }
    t.equal(calls.length, before)
    t.equal(ask().call?.handOn, null, 'a cookie hands nothing on')
  }
)

t.test(
  'what a token for playback names was checked as it was made, also where the server fetches it',
  async (t) => {
    const { ask, state } = gateStand()
    const { access } = playbackOf((state.scoped as ScopedAccess).live)
    state.scoped = access
    const url =
      '/video/:/transcode/universal/start.m3u8?path=%2Flibrary%2Fmetadata%2F1&X-Plex-Token=given-away'
    t.equal(ask({ url, headers: {} }).code, undefined)
    state.scoped = { ...access, playback: undefined } as unknown as ScopedAccess
    t.equal(ask({ url, headers: {} }).code, 'USHER_INVALID_REQUEST', 'any other token needs the right to it')
  }
)

t.test(
  'a browser may ask whether a receiver may send its headers, for a token of playback alone',
  async (t) => {
    const { ask, state, cookie, tokens, said } = gateStand()
    const { access } = playbackOf((state.scoped as ScopedAccess).live)
    const scoped = state.scoped
    const preflight = (url: string, headers: IncomingMessage['headers'] = {}) => {
      said.length = 0
      return ask({ method: 'OPTIONS', url, headers: { 'access-control-request-method': 'GET', ...headers } })
    }
    state.scoped = access
    const { code, fields, sent } = preflight(WITH_TOKEN)
    t.equal(code, undefined)
    t.match(fields, {
      status: 204,
      'access-control-allow-origin': '*',
      'access-control-allow-methods': 'GET, HEAD'
    })
    t.equal(sent.length, 1)
    t.equal(
      preflight('/library?X-Plex-Token=given-away').code,
      'USHER_PATH_DENIED',
      'not for another address'
    )
    t.equal(preflight(WITH_TOKEN, { 'access-control-request-method': 'PUT' }).code, 'USHER_PATH_DENIED')
    for (const [url, headers] of [
      [WITH_TOKEN, { cookie }],
      [FILE, {}],
      ['//x?X-Plex-Token=given-away', {}]
    ] as const) {
      t.equal(preflight(url, headers).code, 'USHER_METHOD_NOT_ALLOWED', url)
      t.strictSame(tokens(), [], 'the token is not even looked at')
    }
    t.equal(ask({ method: 'PATCH', url: WITH_TOKEN, headers: {} }).code, 'USHER_METHOD_NOT_ALLOWED')
    for (const other of [scoped, { open: false, code: 'USHER_SESSION_REVOKED', clear: false }] as const) {
      state.scoped = other
      t.equal(preflight(WITH_TOKEN).code, 'USHER_METHOD_NOT_ALLOWED')
    }
    state.scoped = { ...access, playback: undefined } as unknown as ScopedAccess
    t.equal(preflight(WITH_TOKEN).code, 'USHER_METHOD_NOT_ALLOWED')
    const off = gateStand({ hasScoped: false })
    t.equal(off.ask({ method: 'OPTIONS', url: WITH_TOKEN, headers: {} }).code, 'USHER_METHOD_NOT_ALLOWED')
  }
)
