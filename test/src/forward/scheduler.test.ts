import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { ClassLoad } from '../../../src/forward/loads.ts'
import { type ClassLimits, type Lease, Scheduler } from '../../../src/forward/scheduler.ts'

const LIMITS: ClassLimits = { connections: 4, underWay: 64, waiting: 3, waitsForItself: true }

/** A scheduler, and what became of each request by the name it was given. */
function start(limits: Partial<ClassLimits> = {}, timeoutMs = 100) {
  const scheduler = new Scheduler({ ...LIMITS, ...limits }, timeoutMs)
  const lent: string[] = []
  const timedOut: string[] = []
  const borrower = (name: string) => ({
    onLease: () => void lent.push(name),
    onLeaseTimeout: () => void timedOut.push(name)
  })
  const borrow = (load: ClassLoad, name: string): Lease => scheduler.borrow(load, borrower(name))
  /** The response to a request of this account has left, and its connection is free. */
  const finish = (load: ClassLoad): void => {
    load.done()
    scheduler.giveBack()
  }
  return { scheduler, lent, timedOut, borrower, borrow, finish }
}

t.test('rule 71: connections are lent to the waiting accounts in turn', async (t) => {
  const { lent, borrow, finish, scheduler } = start()
  const [hoarder, second, third] = [new ClassLoad(), new ClassLoad(), new ClassLoad()]
  t.strictSame([borrow(hoarder, '-'), borrow(hoarder, '-')], ['lent', 'lent'])
  t.equal(borrow(second, '-'), 'lent')
  t.equal(borrow(third, '-'), 'lent')
  for (const name of ['h1', 'h2', 'h3']) t.equal(borrow(hoarder, name), 'queued')
  for (const name of ['s1', 's2']) t.equal(borrow(second, name), 'queued')
  t.equal(borrow(third, 't1'), 'queued')
  for (const load of [hoarder, hoarder, second, third]) finish(load)
  const served = [...lent]
  t.same(
    new Set(served.slice(0, 3)),
    new Set(['h1', 's1', 't1']),
    'the first of each, before a second of any'
  )
  const loads: Record<string, ClassLoad> = { h: hoarder, s: second, t: third }
  for (let index = 0; index < lent.length; index++) finish(loads[lent[index]?.[0] ?? ''] ?? hoarder)
  t.strictSame([...lent].sort(), ['h1', 'h2', 'h3', 's1', 's2', 't1'], 'everybody in the end')
  t.ok(scheduler.isIdle)
})

t.test('rule 71: an account that finishes quickly goes behind those that wait', async (t) => {
  const { lent, borrow, finish } = start({ connections: 1 })
  const [holder, quick, patient] = [new ClassLoad(), new ClassLoad(), new ClassLoad()]
  borrow(holder, '-')
  for (const name of ['q1', 'q2', 'q3']) borrow(quick, name)
  borrow(patient, 'p1')
  for (const load of [holder, quick, patient, quick]) finish(load)
  t.strictSame(lent, ['q1', 'p1', 'q2', 'q3'])
})

t.test('rule 71: half of what an account found free is left for the others', async (t) => {
  const { borrow } = start({ connections: 8 })
  const hoarder = new ClassLoad()
  const outcomes = Array.from({ length: 7 }, (_, index) => borrow(hoarder, String(index)))
  t.strictSame(outcomes, ['lent', 'lent', 'lent', 'lent', 'queued', 'queued', 'queued'])
  t.equal(borrow(hoarder, 'full'), 'busy')
  t.equal(borrow(new ClassLoad(), 'other'), 'lent', 'another account does not wait behind it')
})

t.test('rule 71: the queue of an account is bounded, and takes no room in another’s', async (t) => {
  const { borrow } = start({ connections: 1 })
  const [holder, first, second] = [new ClassLoad(), new ClassLoad(), new ClassLoad()]
  borrow(holder, '-')
  for (let index = 0; index < LIMITS.waiting; index++) t.equal(borrow(first, String(index)), 'queued')
  t.equal(borrow(first, 'surplus'), 'busy')
  t.equal(first.waiting, LIMITS.waiting)
  t.equal(borrow(second, 'other'), 'queued')
})

t.test('rule 71: a request that times out leaves the queue, and is not lent to afterwards', async (t) => {
  const { scheduler, lent, timedOut, borrow, finish } = start({ connections: 1, waiting: 2 }, 20)
  const [holder, waiting] = [new ClassLoad(), new ClassLoad()]
  borrow(holder, '-')
  borrow(waiting, 'first')
  borrow(waiting, 'second')
  t.equal(borrow(waiting, 'third'), 'busy')
  await delay(60)
  t.strictSame(timedOut, ['first', 'second'])
  t.equal(waiting.waiting, 0)
  finish(holder)
  t.strictSame(lent, [])
  t.ok(scheduler.isIdle, 'nothing is kept of an account that waits no longer')
  t.equal(borrow(waiting, 'again'), 'lent')
})

t.test('rule 71: a client that leaves the queue makes room in it', async (t) => {
  const { scheduler, lent, borrower, borrow, finish } = start({ connections: 1, waiting: 1 })
  const [holder, waiting] = [new ClassLoad(), new ClassLoad()]
  borrow(holder, '-')
  const leaving = borrower('leaving')
  t.equal(scheduler.borrow(waiting, leaving), 'queued')
  scheduler.leave(waiting, leaving)
  scheduler.leave(waiting, leaving)
  t.equal(waiting.waiting, 0, 'counted once')
  t.equal(borrow(waiting, 'next'), 'queued')
  finish(holder)
  t.strictSame(lent, ['next'])
})

t.test('an account does not wait for its own downloads, which may be paused for minutes', async (t) => {
  const { borrow } = start({ connections: 100, underWay: 2, waitsForItself: false })
  const load = new ClassLoad()
  t.strictSame([borrow(load, '1'), borrow(load, '2'), borrow(load, '3')], ['lent', 'lent', 'busy'])
})

t.test('an account’s own request that ends on one server serves its queue for another', async (t) => {
  const limits = { connections: 100, underWay: 1 }
  const [one, other] = [start(limits), start(limits)]
  const load = new ClassLoad()
  t.equal(one.borrow(load, 'here'), 'lent')
  t.equal(other.borrow(load, 'there'), 'queued')
  one.finish(load)
  t.strictSame(other.lent, ['there'])
})

t.test('a connection that is returned at once is lent on without recursion', async (t) => {
  const { scheduler } = start({ connections: 1, waiting: 20_000 })
  const [holder, load] = [new ClassLoad(), new ClassLoad()]
  scheduler.borrow(holder, { onLease: () => {}, onLeaseTimeout: () => {} })
  let served = 0
  for (let index = 0; index < 20_000; index++) {
    scheduler.borrow(load, {
      onLease: () => {
        served += 1
        load.done()
        scheduler.giveBack()
      },
      onLeaseTimeout: () => t.fail('in time')
    })
  }
  holder.done()
  scheduler.giveBack()
  t.equal(served, 20_000)
  t.ok(scheduler.isIdle)
})
