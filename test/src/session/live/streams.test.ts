import { mock } from 'node:test'
import { setImmediate as tick } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { createLiveSession } from '../../../../src/session/live/live-sessions.ts'
import { createRevocations } from '../../../../src/session/live/revocation.ts'
import { createStreams } from '../../../../src/session/live/streams.ts'
import type { Session } from '../../../../src/session/session.ts'
import { createClock, DAY, HOUR, MINUTE, NOW, sampleSession } from '../sample.ts'

import { stand } from '../stand.ts'

/** Keeps the sweep of each second, which a slow machine would place anywhere, until the test ticks. */
function holdSweeps(t: Test): void {
  mock.timers.enable({ apis: ['setInterval'] })
  t.teardown(() => mock.timers.reset())
}

t.test(
  'settings that were lowered since bind what lives with a session: its streams and tokens',
  async (t) => {
    holdSweeps(t)
    const { sessions, open, streams, clock } = stand({ idleMs: 90 * MINUTE, maxMs: 2 * HOUR })
    const session = sampleSession()
    const read = open(session)
    t.match(read, { limitAt: NOW + 90 * MINUTE, live: { session: { idleExpiresAt: NOW + 90 * MINUTE } } })
    t.equal(read.live.session.expiresAt, session.expiresAt, 'for as long as that a revocation is kept')
    let ended = 0
    streams.add(read.live, 'media', () => {
      ended += 1
    })
    clock.advance(HOUR)
    const renewed = sessions.open(sessions.renew(read) ?? '')
    const end = NOW + 2 * HOUR
    t.match(renewed, { open: true, limitAt: end, live: { session: { idleExpiresAt: end } } })
    mock.timers.tick(1000)
    t.equal(ended, 0)
    clock.advance(HOUR)
    mock.timers.tick(1000)
    t.equal(ended, 1)
  }
)

t.test('open streams end with logout, revocation of the account, and expiry', async (t) => {
  const { clock, revocations, live, streams } = stand({ max: 2 })
  const ended: string[] = []
  function stream(name: string, session: Session): () => void {
    const release: () => void = streams.add(live.of(session), 'events', (why) => {
      ended.push(`${name}: ${why}`)
      release()
    })
    return release
  }
  const [first, second, third] = [
    sampleSession(),
    sampleSession(),
    sampleSession({ account: { ...sampleSession().account, id: 2 } })
  ]
  stream('first', first)
  stream('first again', first)
  stream('second', second)
  stream('third', third)
  live.of(sampleSession())
  live.of(sampleSession())
  t.strictSame(streams.open, { media: 0, events: 4, socket: 0 })
  revocations.revoke({ kind: 'session', id: first.id, until: NOW + DAY })
  await tick()
  t.strictSame(
    ended.splice(0),
    ['first: session-ended', 'first again: session-ended'],
    'also of sessions that the bounded map forgot'
  )
  revocations.revoke({ kind: 'account', accountId: second.account.id, before: NOW, until: NOW + DAY })
  await tick()
  t.strictSame(ended.splice(0), ['second: session-ended'])
  t.strictSame(streams.open, { media: 0, events: 1, socket: 0 })
  clock.advance(7 * DAY)
  revocations.revoke({ kind: 'token', id: 'x', until: NOW + 9 * DAY })
  await tick()
  t.strictSame(ended.splice(0), ['third: session-ended'], 'idle limit, at the next sweep')
  const release = stream('fourth', sampleSession({ idleExpiresAt: NOW + 20 * DAY }))
  release()
  release()
  t.strictSame(streams.open, { media: 0, events: 0, socket: 0 }, 'released once')
  stream('fifth', sampleSession({ idleExpiresAt: NOW + 20 * DAY }))
  streams.abort()
  t.strictSame(ended, ['fifth: shutdown'])
})

t.test('expiry ends streams by itself, within the second of a sweep', async (t) => {
  const { clock, live, streams } = stand()
  const { promise, resolve } = Promise.withResolvers<string>()
  streams.add(live.of(sampleSession({ expiresAt: NOW + HOUR })), 'media', resolve)
  clock.advance(HOUR)
  const keepAlive = setInterval(() => undefined, 1000)
  t.equal(await promise, 'session-ended')
  clearInterval(keepAlive)
})

t.test('a session is watched while it has a stream, through releases and aborts', async (t) => {
  holdSweeps(t)
  const { live, streams, revocations, touched } = stand()
  const [one, two] = [live.of(sampleSession()), live.of(sampleSession())]
  const aborted: string[] = []
  const releases = [
    streams.add(one, 'media', (why) => aborted.push(`first ${why}`)),
    streams.add(one, 'events', (why) => aborted.push(`second ${why}`)),
    streams.add(two, 'socket', (why) => aborted.push(`third ${why}`))
  ]
  const sweep = async () => {
    touched.length = 0
    for (let id = 0; id < 5; id += 1)
      revocations.revoke({ kind: 'session', id: `${Math.random()}`, until: NOW + DAY })
    await tick()
    return touched.map(({ session }) => session.id)
  }
  t.strictSame(await sweep(), [one.session.id, two.session.id], 'one sweep for all that arrive together')
  releases[0]?.()
  t.strictSame(await sweep(), [one.session.id, two.session.id], 'while another one is open')
  releases[1]?.()
  releases[1]?.()
  t.strictSame(await sweep(), [two.session.id])
  t.strictSame(streams.open, { media: 0, events: 0, socket: 1 })
  streams.abort()
  t.strictSame(aborted, ['third shutdown'])
})

t.test('past the grace streams end, and say so', async (t) => {
  holdSweeps(t)
  const clock = createClock()
  const revocations = createRevocations({ now: clock.now })
  const streams = createStreams({
    revocations,
    standings: { hasEnded: () => false, mayStream: () => false },
    now: clock.now
  })
  const ended: string[] = []
  streams.add(createLiveSession(sampleSession()), 'media', (why) => ended.push(why))
  revocations.revoke({ kind: 'session', id: 'x', until: NOW + DAY })
  await tick()
  t.strictSame(ended, ['past-grace'])
  mock.timers.tick(1000)
  t.strictSame(ended.splice(0), ['past-grace', 'past-grace'], 'one that goes on is told each second')
  streams.close()
  mock.timers.tick(10_000)
  t.strictSame(ended, [], 'closed, it watches nothing')
})

t.test(
  'streams that were begun are counted, and a session’s streams end where somebody says so',
  async (t) => {
    const { live, streams } = stand()
    const ended: string[] = []
    const [first, second] = [live.of(sampleSession()), live.of(sampleSession())]
    const release = streams.add(first, 'media', (why) => ended.push(`first ${why}`))
    streams.add(second, 'socket', (why) => ended.push(`second ${why}`))
    t.strictSame(streams.begun, { media: 1, events: 0, socket: 1 })
    t.equal(
      streams.endWhere((each) => each === second),
      1
    )
    t.strictSame(ended, ['second session-ended'])
    release()
    release()
    t.equal(streams.open.media, 0, 'released once')
    t.strictSame(streams.begun, { media: 1, events: 0, socket: 1 }, 'and counted for ever')
  }
)

t.test('a stream may be listed with another session, and has a path where one was given', async (t) => {
  const { live, streams, clock } = stand()
  const [holder, browser] = [createLiveSession(sampleSession()), live.of(sampleSession())]
  const end = () => undefined
  const release = streams.add(holder, 'media', end, '/library/parts/7', browser)
  const listed = { kind: 'media', path: '/library/parts/7', since: clock.now(), abort: end }
  t.strictSame([...(browser.streams ?? [])], [listed])
  t.strictSame([...(holder.streams ?? [])], [listed])
  t.equal(streams.open.media, 1)
  release()
  t.equal(browser.streams?.size, 0)
  streams.add(browser, 'events', end)
  t.strictSame(
    [...(browser.streams ?? [])].map(({ path }) => path),
    ['']
  )
})
