import t from 'tap'
import { Problem } from '../../../../src/domain/problems.ts'
import { createPinSignIns, type PinSignInsOptions } from '../../../../src/session/sign-in/pin-sign-ins.ts'
import { lendTo, type SignIn } from '../../../../src/session/sign-in/sign-in.ts'
import { ACCOUNT, MACHINE, server } from '../check/resource-sample.ts'
import { createClock, DAY, MINUTE, NOW } from '../sample.ts'

interface PinStand {
  readonly clock: ReturnType<typeof createClock>
  readonly pins: ReturnType<typeof createPinSignIns>
  readonly made: string[]
  readonly read: number[]
  readonly signedOut: string[]
  token: string | null
  fail: Problem | null
  accountFails: Problem | null
}

function pinStand(): PinStand {
  const clock = createClock()
  const state: Omit<PinStand, 'pins'> = {
    clock,
    made: [],
    read: [],
    signedOut: [],
    token: null,
    fail: null,
    accountFails: null
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
      createPin: async (clientIdentifier) => {
        state.made.push(clientIdentifier)
        return { id: state.made.length, code: 'ABCD', expiresAt: clock.now() + 15 * MINUTE, token: null }
      },
      readPin: async (id) => {
        state.read.push(id)
        if (result.fail !== null) throw result.fail
        return { id, code: 'ABCD', expiresAt: NOW, token: result.token }
      },
      account: async () => {
        if (result.accountFails !== null) throw result.accountFails
        return ACCOUNT
      },
      resources: async () => [server()]
    },
    signOuts: { add: (token) => void state.signedOut.push(token) },
    machineId: async () => MACHINE,
    now: clock.now
  }
  const result: PinStand = Object.assign(state, { pins: createPinSignIns(options) })
  return result
}

const START = { kind: 'redirect', returnTo: '/', device: null, before: null, signedIn: false } as const

t.test('a browser has one PIN: it is taken up again while it lasts, and not for another kind', async (t) => {
  const { pins, made, clock } = pinStand()
  const first = await pins.start(START)
  t.strictSame(await pins.start({ ...START, before: first, returnTo: '/deep' }), {
    ...first,
    returnTo: '/deep'
  })
  t.equal(made.length, 1)
  t.not((await pins.start({ ...START, before: first, kind: 'link' })).pinId, first.pinId)
  clock.advance(10 * MINUTE)
  t.not((await pins.start({ ...START, before: first })).pinId, first.pinId, 'five minutes left are too few')
})

t.test('a PIN goes under the browser’s own identifier, except where a session lives under it', async (t) => {
  const { pins, clock } = pinStand()
  const device = { clientIdentifier: 'device-1', knownAs: 1, lentUntil: 0 }
  const own = await pins.start({ ...START, device })
  t.equal(own.clientIdentifier, 'device-1')
  const beside = await pins.start({ ...START, device, signedIn: true })
  t.not(beside.clientIdentifier, 'device-1')
  const later = await pins.start({ ...START, device, signedIn: true, before: own })
  t.not(later.clientIdentifier, 'device-1', 'nor is one taken up that was begun before the sign-in')
  const reused = await pins.start({ ...START, device, signedIn: true, before: beside })
  t.equal(reused.pinId, beside.pinId)
  const lent = lendTo(device, NOW)
  const second = await pins.start({ ...START, device: lent })
  t.not(second.clientIdentifier, 'device-1', 'nor while another PIN may be claimed under it')
  clock.advance(30 * MINUTE)
  t.equal((await pins.start({ ...START, device: lent })).clientIdentifier, 'device-1')
})

t.test(
  'polls faster than told are answered from memory, but the way back from Plex always asks',
  async (t) => {
    const { pins, clock, read } = pinStand()
    const signIn = await pins.start(START)
    const poll = () => pins.finish(signIn)
    t.strictSame(await poll(), { status: 'pending', pollAfterMs: 1000 })
    clock.advance(400)
    t.strictSame(await poll(), { status: 'pending', pollAfterMs: 1000 })
    t.equal(read.length, 1)
    clock.advance(100)
    await poll()
    t.equal(read.length, 2)
    clock.advance(MINUTE)
    t.match(await poll(), { pollAfterMs: 2000 })
    clock.advance(3 * MINUTE)
    t.match(await poll(), { pollAfterMs: 4000 })
    t.equal(read.length, 4)
    clock.advance(10)
    await pins.finish(signIn, { fresh: true })
    t.equal(read.length, 5)
  }
)

t.test(
  'a PIN that was claimed becomes a session; one that is over, unknown or spent is expired',
  async (t) => {
    const stand = pinStand()
    const { pins, clock } = stand
    const signIn = await pins.start({ ...START, kind: 'link' })
    stand.token = 'fresh-token'
    const outcome = await pins.finish(signIn)
    t.match(outcome, {
      status: 'signed-in',
      session: { method: 'pin', accountToken: 'fresh-token', clientIdentifier: signIn.clientIdentifier }
    })
    stand.fail = new Problem('USHER_PIN_UNKNOWN')
    t.strictSame(await pins.finish(signIn), { status: 'expired' })
    stand.fail = new Problem('USHER_UPSTREAM_TIMEOUT')
    await t.rejects(pins.finish(signIn), { code: 'USHER_UPSTREAM_TIMEOUT' })
    stand.fail = null
    stand.accountFails = new Problem('USHER_SESSION_REVOKED')
    t.strictSame(await pins.finish(signIn), { status: 'expired' }, 'its token was signed out since')
    clock.advance(15 * MINUTE)
    stand.accountFails = null
    t.strictSame(await pins.finish(signIn), { status: 'expired' })
  }
)

t.test('an outage between the claim and the session leaves the token for the next poll', async (t) => {
  const stand = pinStand()
  const signIn = await stand.pins.start(START)
  stand.token = 'fresh-token'
  stand.accountFails = new Problem('USHER_UPSTREAM_UNREACHABLE')
  await t.rejects(stand.pins.finish(signIn), { code: 'USHER_UPSTREAM_UNREACHABLE' })
  t.strictSame(stand.signedOut, [])
  stand.accountFails = null
  t.match(await stand.pins.finish(signIn), { status: 'signed-in' })
})

t.test(
  'rule 36: the address of Plex’s page tells the code and the client, and no PIN id and no token',
  async (t) => {
    const { pins } = pinStand()
    const signIn: SignIn = {
      pinId: 987_654_321,
      code: 'ABCD',
      clientIdentifier: 'cid',
      returnTo: '/x?y#z',
      kind: 'redirect',
      expiresAt: NOW + MINUTE
    }
    const view = pins.toView(signIn)
    const url = new URL(view.authUrl)
    t.equal(url.origin, 'https://app.plex.tv')
    t.equal(url.search, '')
    const query = new URLSearchParams(url.hash.slice(2))
    t.strictSame(Object.fromEntries(query), {
      clientID: 'cid',
      code: 'ABCD',
      'context[device][product]': 'Usher & Co',
      'context[device][deviceName]': 'usher.example',
      'context[device][platform]': 'Web',
      'context[device][version]': '1',
      forwardUrl: 'https://usher.example/session/callback'
    })
    t.notMatch(JSON.stringify(view), /987654321|returnTo|cid\b.*token/)
    t.equal(view.linkUrl, 'https://plex.tv/link/?pin=ABCD')
    t.equal(view.expiresAt, new Date(NOW + MINUTE).toISOString())
  }
)
