import { mock } from 'node:test'
import { setTimeout as delay, setImmediate } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { createCheckQueue } from '../../../../src/session/check/check-queue.ts'
import { createRecheck } from '../../../../src/session/check/recheck.ts'
import { createLiveSession } from '../../../../src/session/live/live-sessions.ts'
import { HOUR, NOW, sampleSession } from '../sample.ts'
import { BOUNDLESS, RULES } from './resource-sample.ts'

t.test('sessions that wait for their check take bounded room while plex.tv answers nobody', async (t) => {
  let asked = 0
  const recheck = createRecheck({
    tellsAccounts: false,
    config: {
      ...RULES,
      recheckMs: HOUR,
      outageGraceMs: 24 * HOUR
    },
    plexTv: {
      account: () => {
        asked += 1
        return new Promise(() => undefined)
      },
      resourceList: () => new Promise(() => undefined),
      ping: async () => undefined
    },
    budget: BOUNDLESS,
    roll: null,
    remembersEnds: false,
    machineId: () => null,
    hasEnded: () => false,
    end: () => t.fail('no session ends'),
    onOutage: () => t.fail('no answer is no failure yet'),
    waitMs: 10_000,
    now: () => NOW
  })
  const sample = sampleSession({ checkedAt: NOW - 2 * HOUR })
  const lives = Array.from({ length: 25_000 }, (_, index) =>
    createLiveSession({ ...sample, id: `id-${index}`, account: { ...sample.account, id: index } })
  )
  for (const live of lives) recheck.touch(live)
  t.equal(lives.filter(({ pending }) => pending).length, 20_000)
  t.equal(asked, 4, 'a few at a time')
  const late = lives.at(-1)
  if (late === undefined) throw new Error('no session')
  recheck.touch(late)
  t.notOk(late.pending, 'it asks again with its next request')
})

function liveOf(id: number) {
  const sample = sampleSession()
  return createLiveSession({ ...sample, account: { ...sample.account, id } })
}

t.test('however long the queue is, nobody waits in it for longer than for plex.tv itself', async (t) => {
  const ends: (() => void)[] = []
  const queue = createCheckQueue({
    check: () => new Promise((resolve) => ends.push(resolve)),
    mark: () => 0,
    budget: BOUNDLESS,
    waitMs: 30,
    onTimeout: (live) => {
      live.stale = true
    }
  })
  const lives = Array.from({ length: 9 }, (_, id) => liveOf(id))
  const [asked, last, added] = [lives[0], lives[7], lives[8]]
  if (asked === undefined || last === undefined || added === undefined) throw new Error('no sessions')
  const waits = lives.slice(0, 8).map((live) => queue.join(live))
  queue.add(added)
  // Answered, and held up by what comes after the answer.
  asked.session = { ...asked.session, checkedAt: NOW + 1 }
  await delay(60)
  await Promise.all(waits)
  t.equal(ends.length, 4, 'and the rest keep their places')
  t.match(last, { stale: true, pending: true })
  t.match(asked, { stale: false, pending: true })
  t.match(added, { stale: false, pending: true }, 'for whom nobody waited')
  await queue.join(last)
  while (ends.length > 0) {
    for (const end of ends.splice(0)) end()
    await delay(1)
  }
  t.ok(lives.every(({ pending }) => !pending))
})

/** A queue whose checks end when told, and whose budget is set by hand. */
function queueStand(t: Test) {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const budget = { background: true, waiting: true, waitMs: 0 }
  const started: number[] = []
  const ends = new Map<number, () => void>()
  const asked: boolean[] = []
  const late: number[] = []
  let marks = 0
  const queue = createCheckQueue({
    check: ({ session }, mark) => {
      started.push(session.account.id * 100 + mark)
      const { promise, resolve } = Promise.withResolvers<void>()
      ends.set(session.account.id, resolve)
      return promise
    },
    mark: () => ++marks,
    budget: {
      isFree: (forWaiting) => (forWaiting ? budget.waiting : budget.background),
      waitMs: (forWaiting) => {
        asked.push(forWaiting)
        return budget.waitMs
      }
    },
    waitMs: 10_000,
    onTimeout: ({ session }) => void late.push(session.account.id)
  })
  const end = async (account: number) => {
    ends.get(account)?.()
    ends.delete(account)
    await setImmediate()
  }
  /** The accounts whose checks have begun since the last call. */
  const begun = () => started.splice(0).map((each) => Math.floor(each / 100))
  return { queue, budget, started, end, begun, asked, late }
}

const unaskedSince = (id: number, askedAt: number) => Object.assign(liveOf(id), { askedAt })

t.test('four checks run at once, and one for each account', async (t) => {
  const { queue, end, begun } = queueStand(t)
  const twin = liveOf(1)
  for (const live of [liveOf(1), twin, liveOf(2), liveOf(3), liveOf(4), liveOf(5)]) queue.add(live)
  t.strictSame(begun(), [1, 2, 3, 4])
  await end(2)
  t.strictSame(begun(), [5], 'the account with a check in progress waits for its own')
  await end(1)
  t.strictSame(begun(), [1])
  t.equal(twin.pending, true)
  await end(1)
  t.equal(twin.pending, false)
  queue.add(twin)
  t.strictSame(begun(), [1], 'a session may be checked again')
})

t.test(
  'a session that is queued is not queued twice, and its mark is of when it began to wait',
  async (t) => {
    const { queue, started, end } = queueStand(t)
    const live = liveOf(1)
    queue.add(live)
    queue.add(live)
    void queue.join(live)
    t.strictSame(started, [101])
    await end(1)
    t.strictSame(started, [101])
  }
)

t.test('those that a request waits for go first, in turn; then the longest unasked', async (t) => {
  const { queue, budget, begun, end } = queueStand(t)
  budget.background = budget.waiting = false
  queue.add(unaskedSince(1, 300))
  queue.add(unaskedSince(2, 100))
  queue.add(unaskedSince(3, 200))
  const late = unaskedSince(4, 400)
  queue.add(late)
  void queue.join(unaskedSince(5, 500))
  void queue.join(late)
  t.strictSame(begun(), [])
  budget.background = budget.waiting = true
  void queue.join(unaskedSince(6, 600))
  t.strictSame(begun(), [5, 4, 6, 2])
  await end(5)
  t.strictSame(begun(), [3])
  await end(4)
  t.strictSame(begun(), [1])
})

t.test('a request that waits may borrow from the budget; the background may not', async (t) => {
  const { queue, budget, begun } = queueStand(t)
  budget.background = false
  queue.add(unaskedSince(1, 100))
  t.strictSame(begun(), [])
  void queue.join(unaskedSince(2, 200))
  t.strictSame(begun(), [2])
  Object.assign(budget, { background: true, waiting: false })
  void queue.join(unaskedSince(3, 300))
  t.strictSame(begun(), [1, 3], 'what the background may spend is for everybody, by age')
})

t.test('a session that another request begins to wait for moves ahead', async (t) => {
  const { queue, budget, begun } = queueStand(t)
  budget.background = budget.waiting = false
  const [first, second] = [unaskedSince(1, 100), unaskedSince(2, 200)]
  queue.add(first)
  queue.add(second)
  void queue.join(second)
  void queue.join(second)
  Object.assign(budget, { background: false, waiting: true })
  void queue.join(second)
  t.strictSame(begun(), [2])
})

t.test('without budget the next check begins when the budget says, by one timer', async (t) => {
  const { queue, budget, begun, asked, end } = queueStand(t)
  Object.assign(budget, { background: false, waiting: false, waitMs: 500 })
  queue.add(liveOf(1))
  t.strictSame(asked.splice(0), [false], 'for the background alone')
  queue.add(liveOf(2))
  void queue.join(liveOf(3))
  t.strictSame(asked, [], 'the timer runs')
  mock.timers.tick(499)
  budget.background = budget.waiting = true
  t.strictSame(begun(), [])
  mock.timers.tick(1)
  t.strictSame(begun(), [3, 1, 2])
  await end(1)
  t.strictSame(asked, [], 'nobody is left to wait for')
  Object.assign(budget, { background: false, waiting: false })
  void queue.join(liveOf(4))
  t.strictSame(asked, [true], 'for a request that waits')
})

t.test('while four run, or all that is left waits for its own account, no timer runs', async (t) => {
  const { queue, budget, begun, asked } = queueStand(t)
  for (const id of [1, 2, 3]) queue.add(liveOf(id))
  asked.length = 0
  queue.add(liveOf(1))
  t.strictSame(asked.splice(0), [false])
  budget.waitMs = 500
  queue.add(liveOf(4))
  t.strictSame(asked, [])
  queue.add(liveOf(5))
  t.strictSame(asked, [])
  mock.timers.tick(1000)
  t.strictSame(begun(), [1, 2, 3, 4])
})

t.test('a request that waits for an account with a check in progress waits for that too', async (t) => {
  const { queue, begun, end } = queueStand(t)
  queue.add(liveOf(1))
  void queue.join(liveOf(1))
  void queue.join(liveOf(2))
  t.strictSame(begun(), [1, 2])
  await end(1)
  t.strictSame(begun(), [1])
})

t.test('a wait ends with its check, and is late only before that', async (t) => {
  const { queue, end, late } = queueStand(t)
  let isOver = false
  void queue.join(liveOf(1)).then(() => {
    isOver = true
  })
  void queue.join(liveOf(2))
  await setImmediate()
  t.equal(isOver, false)
  await end(1)
  await setImmediate()
  t.equal(isOver, true)
  mock.timers.tick(10_000)
  t.strictSame(late, [2])
})
