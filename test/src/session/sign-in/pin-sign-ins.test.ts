import t from 'tap'
import { Problem } from '../../../../src/domain/problems.ts'
import type { Attempt } from '../../../../src/session/sign-in/attempt.ts'
import { lendTo } from '../../../../src/session/sign-in/device.ts'
import { toSignIn } from '../../../../src/session/sign-in/flow.ts'
import { createPinSignIns, type PinSignInsOptions } from '../../../../src/session/sign-in/pin-sign-ins.ts'
import type { SignIn } from '../../../../src/session/sign-in/sign-in.ts'
import { createPinClaims } from '../../../../src/store/pin-claims.ts'
import { until } from '../../../support/until.ts'
import { ACCOUNT, MACHINE, server } from '../check/resource-sample.ts'
import { createClock, DAY, MINUTE, NOW, sampleSeal } from '../sample.ts'

interface PinStand {
  readonly clock: ReturnType<typeof createClock>
  readonly pins: ReturnType<typeof createPinSignIns>
  readonly made: string[]
  readonly strong: boolean[]
  readonly asked: string[]
  readonly read: number[]
  readonly signedOut: string[]
  readonly taken: string[]
  readonly results: string[]
  readonly attempt: Attempt
  token: string | null
  fail: Problem | null
  accountFails: Problem | null
  fits: boolean
}

interface PinStandOptions {
  readonly claims?: PinSignInsOptions['claims']
  /** How long a PIN lives; a minute is the least that a test's process outlives. */
  readonly lifeMs?: number
  readonly firstId?: number
}

function pinStand({ claims, lifeMs = 15 * MINUTE, firstId = 1 }: PinStandOptions = {}): PinStand {
  const clock = createClock()
  const taken: string[] = []
  const state: Omit<PinStand, 'pins'> = {
    clock,
    made: [],
    strong: [],
    asked: [],
    read: [],
    signedOut: [],
    taken,
    results: [],
    attempt: {
      requestId: 'request-1',
      address: '198.51.100.1',
      device: null,
      signedIn: false,
      rations: {
        take: async (name) => void taken.push(name),
        check: async () => undefined,
        count: async () => undefined
      }
    },
    token: null,
    fail: null,
    accountFails: null,
    fits: true
  }
  const options: PinSignInsOptions = {
    config: {
      access: 'server',
      allowedAccounts: [],
      requireTwoFactor: 'none',
      sessionIdleMs: DAY,
      sessionMaxMs: 30 * DAY,
      publicUrl: {
        href: 'https://usher.example',
        origin: 'https://usher.example',
        basePath: '',
        hostname: 'usher.example',
        secure: true
      },
      plexUrl: 'https://plex.tv',
      plexAppUrl: 'https://app.plex.tv',
      client: { product: 'Usher & Co', version: '1', platform: 'Web', deviceName: 'usher.example' }
    },
    plexTv: {
      createPin: async (clientIdentifier, { strong }) => {
        state.made.push(clientIdentifier)
        state.strong.push(strong)
        return {
          id: firstId + state.made.length - 1,
          code: 'ABCD',
          expiresAt: clock.now() + lifeMs,
          token: null
        }
      },
      readPin: async (id) => {
        state.read.push(id)
        if (result.fail !== null) throw result.fail
        return { id, code: 'ABCD', expiresAt: NOW, token: result.token }
      },
      account: async (token) => {
        state.asked.push(token)
        if (result.accountFails !== null) throw result.accountFails
        return ACCOUNT
      },
      resources: async () => [server()]
    },
    signOuts: { add: (token) => void state.signedOut.push(token) },
    machineId: async () => MACHINE,
    isBlocked: async () => false,
    fits: () => result.fits,
    seal: sampleSeal(),
    claims: claims ?? createPinClaims({ kind: 'memory', createCounters: null }, clock.now),
    report: ({ method, result: told }) =>
      void state.results.push(method === 'pin' ? told : `${method} ${told}`),
    now: clock.now
  }
  const result: PinStand = Object.assign(state, { pins: createPinSignIns(options) })
  return result
}

const START = { kind: 'redirect', returnTo: '/', signIns: [] } as const

async function begin(stand: PinStand, kind: 'redirect' | 'link' = 'redirect'): Promise<SignIn> {
  return (await stand.pins.start({ ...START, kind }, stand.attempt)).signIn
}

t.test('a browser has one PIN of each kind, which is taken up again while it lasts', async (t) => {
  const { pins, made, strong, taken, clock, attempt } = pinStand()
  const { signIn } = await pins.start(START, attempt)
  const again = await pins.start({ ...START, signIns: [signIn], returnTo: '/deep' }, attempt)
  t.strictSame(again.signIn, { ...signIn, returnTo: '/deep', tabs: 2 })
  t.equal(made.length, 1)
  t.strictSame(taken, ['pin_address'], 'only a PIN that is made uses up the ration')
  const link = await pins.start({ ...START, signIns: [signIn], kind: 'link' }, attempt)
  t.strictSame(strong, [true, false], 'only a code that a person types is short')
  t.not(link.signIn.pinId, signIn.pinId)
  const both = [signIn, link.signIn]
  t.equal((await pins.start({ ...START, signIns: both }, attempt)).signIn.pinId, signIn.pinId)
  t.equal(
    (await pins.start({ ...START, signIns: both, kind: 'link' }, attempt)).signIn.pinId,
    link.signIn.pinId
  )
  clock.advance(10 * MINUTE)
  const late = await pins.start({ ...START, signIns: both }, attempt)
  t.not(late.signIn.pinId, signIn.pinId, 'five minutes left are too few')
})

t.test('a PIN goes under the browser’s own identifier, except where a session lives under it', async (t) => {
  const { pins, clock, attempt } = pinStand()
  const device = { clientIdentifier: 'device-1', knownAs: 1, lentUntil: 0 }
  const start = (changes: Partial<Attempt>, signIns: readonly SignIn[] = []) =>
    pins.start({ ...START, signIns }, { ...attempt, ...changes })
  const own = await start({ device })
  t.equal(own.signIn.clientIdentifier, 'device-1')
  t.strictSame(own.device, lendTo(device, NOW))
  const beside = await start({ device, signedIn: true })
  t.not(beside.signIn.clientIdentifier, 'device-1')
  t.equal(beside.device, null)
  const later = await start({ device, signedIn: true }, [own.signIn])
  t.not(later.signIn.clientIdentifier, 'device-1', 'nor is one taken up that was begun before the sign-in')
  const reused = await start({ device, signedIn: true }, [beside.signIn])
  t.equal(reused.signIn.pinId, beside.signIn.pinId)
  const lent = { ...lendTo(device, NOW), clientIdentifier: 'device-2' }
  const second = await start({ device: lent })
  t.not(second.signIn.clientIdentifier, 'device-2', 'nor while another PIN may be claimed under it')
  await pins.abandon(second.signIn, [])
  clock.advance(30 * MINUTE)
  t.equal((await start({ device: lent })).signIn.clientIdentifier, 'device-2')
})

t.test('polls faster than told are answered from memory', async (t) => {
  const stand = pinStand()
  const { pins, clock, read, attempt } = stand
  const signIn = await begin(stand)
  const poll = () => pins.poll(signIn, attempt)
  t.strictSame(await poll(), { status: 'pending', pollAfterMs: 1000 })
  clock.advance(999)
  t.strictSame(await poll(), { status: 'pending', pollAfterMs: 1000 })
  t.equal(read.length, 1)
  clock.advance(1)
  await poll()
  t.equal(read.length, 2)
  clock.advance(MINUTE)
  t.match(await poll(), { pollAfterMs: 2000 })
  clock.advance(3 * MINUTE)
  t.match(await poll(), { pollAfterMs: 4000 })
  t.equal(read.length, 4)
  clock.advance(1999)
  await poll()
  t.equal(read.length, 4)
})

t.test(
  'rule 82: a hundred that come back at once cost one look, and a second one a second later',
  async (t) => {
    const stand = pinStand()
    const { pins, read, attempt } = stand
    const signIn = await begin(stand)
    const startedAt = performance.now()
    const outcomes = await Promise.all(Array.from({ length: 100 }, () => pins.comeBack(signIn, attempt)))
    t.ok(outcomes.every(({ status }) => status === 'pending'))
    t.equal(read.length, 2)
    t.ok(performance.now() - startedAt >= 990, 'not before a second has passed')
    await pins.poll(signIn, attempt)
    await pins.abandon(signIn, [])
    t.equal(read.length, 2, 'nor does anything else ask in between')
  }
)

t.test('rule 82: a failure is remembered for a second as well', async (t) => {
  const stand = pinStand()
  const { pins, clock, read, attempt } = stand
  const signIn = await begin(stand)
  stand.fail = new Problem('USHER_UPSTREAM_TIMEOUT')
  for (let poll = 0; poll < 5; poll += 1) {
    await t.rejects(pins.poll(signIn, attempt), { code: 'USHER_UPSTREAM_TIMEOUT' })
  }
  t.equal(read.length, 1)
  stand.fail = null
  clock.advance(1000)
  t.match(await pins.poll(signIn, attempt), { status: 'pending' })
})

t.test('rule 82: a PIN is claimed once, and whoever asks again costs plex.tv nothing', async (t) => {
  const stand = pinStand()
  const { pins, clock, attempt } = stand
  const signIn = await begin(stand, 'link')
  stand.token = 'fresh-token'
  const [first, joined] = await Promise.all([pins.poll(signIn, attempt), pins.comeBack(signIn, attempt)])
  t.match(first, {
    status: 'signed-in',
    session: { method: 'pin', accountToken: 'fresh-token', clientIdentifier: signIn.clientIdentifier }
  })
  t.equal(joined, first, 'who asks in the same moment is the same browser, and gets the same session')
  t.strictSame(stand.results, ['ok'], 'counted once')
  clock.advance(MINUTE)
  for (let replay = 0; replay < 5; replay += 1) {
    t.strictSame(await pins.poll(signIn, attempt), { status: 'spent' })
    t.strictSame(await pins.comeBack(signIn, attempt), { status: 'spent' })
  }
  await pins.abandon(signIn, [])
  t.equal(stand.read.length, 1)
  t.strictSame(stand.signedOut, [], 'and its token stays the session’s')
})

t.test('rule 82: of two instances that share their counts one claims a PIN', async (t) => {
  const claims = createPinClaims({ kind: 'memory', createCounters: null }, () => NOW)
  const [one, two, three] = [pinStand({ claims }), pinStand({ claims }), pinStand({ claims })]
  const signIn = await begin(one)
  for (const stand of [one, two, three]) stand.token = 'fresh-token'
  const outcomes = await Promise.all([one.pins.poll(signIn, one.attempt), two.pins.poll(signIn, two.attempt)])
  t.strictSame(outcomes.map(({ status }) => status).sort(), ['signed-in', 'spent'])
  t.strictSame([...one.signedOut, ...two.signedOut], [], 'the one token is the session’s')
  t.strictSame(await three.pins.comeBack(signIn, three.attempt), { status: 'spent' })
  t.strictSame(three.asked, [], 'a late one costs no more than the look')
  await three.pins.abandon({ ...signIn, pinId: signIn.pinId }, [])
  t.strictSame(three.signedOut, [])
})

t.test('a PIN that is over, unknown or signed out since is expired', async (t) => {
  const unknown = pinStand()
  unknown.fail = new Problem('USHER_PIN_UNKNOWN')
  const one = await begin(unknown)
  t.strictSame(await unknown.pins.poll(one, unknown.attempt), { status: 'expired' })
  unknown.clock.advance(MINUTE)
  t.strictSame(await unknown.pins.comeBack(one, unknown.attempt), { status: 'expired' })
  t.equal(unknown.read.length, 1, 'asked about no more')

  const dead = pinStand()
  dead.token = 'fresh-token'
  dead.accountFails = new Problem('USHER_SESSION_REVOKED')
  t.strictSame(
    await dead.pins.poll(await begin(dead), dead.attempt),
    { status: 'expired' },
    'its token was signed out since'
  )

  const late = pinStand()
  late.token = 'fresh-token'
  const three = await begin(late)
  late.clock.advance(15 * MINUTE)
  t.strictSame(await late.pins.poll(three, late.attempt), { status: 'expired' })
  t.strictSame(await late.pins.comeBack(three, late.attempt), { status: 'expired' })
  t.equal(late.read.length, 0)
})

t.test('an outage between the claim and the session leaves the token for the next poll', async (t) => {
  const stand = pinStand()
  const { pins, attempt, clock } = stand
  const signIn = await begin(stand)
  stand.token = 'fresh-token'
  stand.accountFails = new Problem('USHER_UPSTREAM_UNREACHABLE')
  await t.rejects(pins.poll(signIn, attempt), { code: 'USHER_UPSTREAM_UNREACHABLE' })
  t.strictSame(stand.signedOut, [])
  stand.accountFails = null
  clock.advance(1000)
  t.match(await pins.poll(signIn, attempt), { status: 'signed-in' })
  t.strictSame(stand.results, ['USHER_UPSTREAM_UNREACHABLE', 'ok'])
})

t.test('a session that does not fit its cookie ends the sign-in, with its token signed out', async (t) => {
  const stand = pinStand()
  const signIn = await begin(stand)
  stand.token = 'fresh-token'
  stand.fits = false
  await t.rejects(stand.pins.poll(signIn, stand.attempt), { code: 'USHER_UPSTREAM_INVALID' })
  t.strictSame(stand.signedOut, ['fresh-token'])
  stand.clock.advance(1000)
  t.strictSame(await stand.pins.poll(signIn, stand.attempt), { status: 'expired' })
})

t.test('a PIN that nobody waits for and that was claimed all the same leaves no token behind', async (t) => {
  const given = pinStand()
  const signIn = await begin(given, 'link')
  given.token = 'fresh-token'
  await given.pins.abandon(signIn, ['fresh-token'])
  t.strictSame(given.signedOut, [], 'not the one that the browser’s session has')
  given.clock.advance(1000)
  await given.pins.abandon(signIn, ['another'])
  t.strictSame(given.signedOut, ['fresh-token'])
  t.strictSame(await given.pins.poll(signIn, given.attempt), { status: 'expired' })

  const forgotten = pinStand({ lifeMs: 1050 })
  await begin(forgotten, 'link')
  forgotten.token = 'fresh-token'
  t.strictSame(forgotten.signedOut, [])
  await until(() => forgotten.signedOut.length > 0, 'shortly before plex.tv forgets it')
  t.strictSame(forgotten.signedOut, ['fresh-token'])

  const shared = pinStand({
    lifeMs: 1050,
    claims: { isTaken: async () => false, take: async () => true, isShared: true }
  })
  await begin(shared, 'link')
  shared.token = 'fresh-token'
  await new Promise((resolve) => setTimeout(resolve, 200))
  t.strictSame(shared.signedOut, [], 'another instance may have made a session of it')

  const early = pinStand()
  const waiting = await begin(early)
  await early.pins.abandon(waiting, [])
  early.token = 'fresh-token'
  early.clock.advance(1000)
  t.match(await early.pins.comeBack(waiting, early.attempt), { status: 'signed-in' }, 'a look claims nothing')

  const away = pinStand()
  const unread = await begin(away)
  away.fail = new Problem('USHER_UPSTREAM_UNREACHABLE')
  await away.pins.abandon(unread, [])
  t.strictSame(away.signedOut, [])
})

t.test(
  'rule 36: the address of Plex’s page tells the code and the client, and no PIN id, no token and no deep link',
  async (t) => {
    const { pins, attempt } = pinStand({ firstId: 987_654_321 })
    const device = { clientIdentifier: 'cid', knownAs: null, lentUntil: 0 }
    const start = (returnTo: string) => pins.start({ ...START, returnTo }, { ...attempt, device })
    const { signIn, view } = await start('/x?y#z')
    const url = new URL(view.authUrl)
    t.equal(url.origin, 'https://app.plex.tv')
    t.equal(url.search, '')
    const { forwardUrl = '', ...query } = Object.fromEntries(new URLSearchParams(url.hash.slice(2)))
    t.strictSame(query, {
      clientID: 'cid',
      code: 'ABCD',
      'context[device][product]': 'Usher & Co',
      'context[device][deviceName]': 'usher.example',
      'context[device][platform]': 'Web',
      'context[device][version]': '1'
    })
    const back = new URL(forwardUrl)
    t.equal(`${back.origin}${back.pathname}`, 'https://usher.example/session/callback')
    t.strictSame([...back.searchParams.keys()], ['flow'])
    const key = back.searchParams.get('flow')
    const { pinId, clientIdentifier, returnTo, expiresAt } = signIn
    const flow = pins.findFlow(key)
    t.strictSame(flow, { returnTo, pinId, clientIdentifier, expiresAt, device: 'cid' })
    if (flow === null) throw new Error('no flow')
    t.match(toSignIn(flow, device, NOW), { pinId, kind: 'returned' }, 'for the browser that began it')
    t.equal(toSignIn(flow, { ...device, clientIdentifier: 'other' }, NOW), undefined)
    t.equal(toSignIn(flow, null, NOW), undefined)
    t.equal(toSignIn({ ...flow, device: '' }, null, NOW), undefined)
    t.equal(toSignIn(flow, device, expiresAt), undefined)
    for (const none of [undefined, '', `${key}A`, [key], { key }]) t.equal(pins.findFlow(none), null)
    t.notMatch(JSON.stringify(view), /987654321|returnTo|x\?y|token["=:%]/i)
    const longest = (await start(`/${'x'.repeat(999)}`)).view
    t.ok(longest.authUrl.length < 2100, `${longest.authUrl.length} characters at most`)
    t.equal(view.linkUrl, 'https://plex.tv/link/?pin=ABCD')
    t.equal(view.expiresAt, new Date(NOW + 15 * MINUTE).toISOString())
  }
)

t.test('a PIN that was claimed elsewhere is not asked about when it is abandoned', async (t) => {
  const claims = { isTaken: async () => true, take: async () => false, isShared: false }
  const stand = pinStand({ claims })
  await stand.pins.abandon(await begin(stand), [])
  t.strictSame(stand.read, [])
})

t.test('a page asks often while somebody is likely to be there', async (t) => {
  for (const [lifeMs, pollAfterMs] of [
    [14 * MINUTE + 1, 1000],
    [14 * MINUTE, 2000],
    [12 * MINUTE + 1, 2000],
    [12 * MINUTE, 4000],
    [MINUTE, 4000]
  ] as const) {
    const stand = pinStand({ lifeMs })
    const { view } = await stand.pins.start(START, stand.attempt)
    t.equal(view.pollAfterMs, pollAfterMs, `${lifeMs} ms left`)
  }
})
