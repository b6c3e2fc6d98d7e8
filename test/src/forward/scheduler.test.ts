import { setTimeout as delay } from 'node:timers/promises'
import fc from 'fast-check'
import t from 'tap'
import { type ClassLoad, createLoads, Load } from '../../../src/forward/loads.ts'
import { type Borrower, type ClassLimits, LIMITS, Scheduler } from '../../../src/forward/scheduler.ts'

const LONG_MS = 60_000

const limits = (changes: Partial<ClassLimits> = {}): ClassLimits => ({
  connections: 8,
  underWay: 64,
  waiting: 4,
  waitsForItself: true,
  ...changes
})

/** Somebody who borrows, and tells in `log` when it got a connection. */
function createBorrower(name: string, log: string[]): Borrower {
  return { onLease: () => log.push(name), onLeaseTimeout: () => log.push(`${name} gave up`) }
}

function done(scheduler: Scheduler, load: ClassLoad): void {
  scheduler.giveBack()
  load.done()
}

t.test('rule 69: an account has no more under way than connections are left for others', async (t) => {
  const scheduler = new Scheduler(limits({ connections: 128, waiting: 512 }), LONG_MS)
  const log: string[] = []
  const lent = new Map<string, number>()
  const loads = new Map(['greedy', 'second', 'third'].map((name) => [name, new Load().api]))
  for (const [name, load] of loads) {
    let count = 0
    const borrower = createBorrower(name, log)
    while (scheduler.borrow(load, borrower) === 'lent') count += 1
    scheduler.leave(load, borrower)
    lent.set(name, count)
  }
  t.strictSame([...lent.values()], [64, 32, 16])
  t.strictSame(log, [])
})

t.test('rule 71: connections are lent to accounts in turn, and within an account in order', async (t) => {
  const scheduler = new Scheduler(limits({ connections: 1 }), LONG_MS)
  const [greedy, quiet, other] = [new Load().api, new Load().api, new Load().api]
  const log: string[] = []
  t.equal(scheduler.borrow(greedy, createBorrower('first', log)), 'lent')
  for (const name of ['g1', 'g2', 'g3'])
    t.equal(scheduler.borrow(greedy, createBorrower(name, log)), 'queued')
  t.equal(scheduler.borrow(quiet, createBorrower('q1', log)), 'queued')
  t.equal(scheduler.borrow(other, createBorrower('o1', log)), 'queued')
  t.equal(scheduler.borrow(quiet, createBorrower('q2', log)), 'queued')
  const loadOf = (name: string): ClassLoad =>
    name.startsWith('q') ? quiet : name.startsWith('o') ? other : greedy
  done(scheduler, greedy)
  for (let turn = 0; turn < 6; turn++) done(scheduler, loadOf(log[turn] ?? ''))
  // Whoever has just had one is not the next.
  t.strictSame(log, ['q1', 'g1', 'o1', 'q2', 'g2', 'g3'])
  t.ok(scheduler.isIdle)
})

t.test('rule 71: a queue is bounded for each account, and what gives up leaves it at once', async (t) => {
  const scheduler = new Scheduler(limits({ connections: 1, waiting: 2 }), 50)
  const [one, two] = [new Load().api, new Load().api]
  const log: string[] = []
  scheduler.borrow(one, createBorrower('first', log))
  const waiting = createBorrower('w1', log)
  t.equal(scheduler.borrow(one, waiting), 'queued')
  t.equal(scheduler.borrow(one, createBorrower('w2', log)), 'queued')
  t.equal(scheduler.borrow(one, createBorrower('w3', log)), 'busy')
  t.equal(
    scheduler.borrow(two, createBorrower('other', log)),
    'queued',
    'another account has a queue of its own'
  )
  scheduler.leave(one, waiting)
  t.equal(one.waiting, 1, 'a client that goes away makes room')
  await delay(100)
  t.strictSame(log.sort(), ['other gave up', 'w2 gave up'])
  t.strictSame([one.waiting, two.waiting], [0, 0])
  done(scheduler, one)
  t.ok(scheduler.isIdle)
})

t.test(
  'rule 71: what an account has at one server does not keep it waiting at another for ever',
  async (t) => {
    const [near, far] = [
      new Scheduler(limits({ connections: 4 }), LONG_MS),
      new Scheduler(limits({ connections: 4 }), LONG_MS)
    ]
    const load = new Load().api
    const log: string[] = []
    t.equal(near.borrow(load, createBorrower('near', log)), 'lent')
    t.equal(near.borrow(load, createBorrower('near', log)), 'lent')
    t.equal(far.borrow(load, createBorrower('far', log)), 'lent')
    t.equal(far.borrow(load, createBorrower('waits', log)), 'queued', 'three under way, three left')
    done(near, load)
    t.strictSame(log, ['waits'], 'the other server’s queue is served as well')
  }
)

t.test('downloads that an account itself holds are not waited for', async (t) => {
  t.equal(LIMITS.media.waitsForItself, false)
  const scheduler = new Scheduler(limits({ underWay: 2, waitsForItself: false }), LONG_MS)
  const load = new Load().media
  const log: string[] = []
  for (let i = 0; i < 2; i++) t.equal(scheduler.borrow(load, createBorrower('x', log)), 'lent')
  t.equal(scheduler.borrow(load, createBorrower('x', log)), 'busy')
})

t.test('whoever gives back within its own turn does not end the turns of others', async (t) => {
  const scheduler = new Scheduler(limits({ connections: 1, waiting: 400 }), LONG_MS)
  const load = new Load().api
  let served = 0
  scheduler.borrow(load, createBorrower('first', []))
  for (let i = 0; i < 400; i++) {
    scheduler.borrow(load, {
      onLease() {
        served += 1
        done(scheduler, load)
      },
      onLeaseTimeout() {}
    })
  }
  done(scheduler, load)
  t.equal(served, 400)
  t.ok(scheduler.isIdle)
})

t.test(
  'whatever happens, nothing is lent twice, nobody waits beside a free connection, and nothing leaks',
  async () => {
    const step = fc.record({
      who: fc.nat({ max: 3 }),
      what: fc.constantFrom('borrow', 'borrow', 'borrow', 'done', 'leave')
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 120 }),
        fc.integer({ min: 1, max: 9 }),
        async (steps, connections) => {
          const scheduler = new Scheduler(limits({ connections, underWay: 4, waiting: 6 }), LONG_MS)
          const people = Array.from({ length: 4 }, () => ({
            load: new Load().api,
            held: 0,
            waiting: new Set<Borrower>()
          }))
          const borrow = (person: (typeof people)[number]) => {
            const borrower: Borrower = {
              onLease() {
                person.waiting.delete(borrower)
                person.held += 1
              },
              onLeaseTimeout() {}
            }
            const lease = scheduler.borrow(person.load, borrower)
            if (lease === 'lent') person.held += 1
            else if (lease === 'queued') person.waiting.add(borrower)
          }
          for (const { who, what } of steps) {
            const person = people[who] as (typeof people)[number]
            if (what === 'borrow') borrow(person)
            else if (what === 'done' && person.held > 0) {
              person.held -= 1
              done(scheduler, person.load)
            } else if (what === 'leave') {
              const [first] = person.waiting
              if (first !== undefined) scheduler.leave(person.load, first)
              if (first !== undefined) person.waiting.delete(first)
            }
            const lent = people.reduce((sum, { held }) => sum + held, 0)
            if (lent > connections) throw new Error('lent twice')
            for (const { load, held, waiting } of people) {
              if (load.underWay !== held || load.waiting !== waiting.size) throw new Error('miscounted')
              const mayTake = held < 4 && held < connections - lent
              if (waiting.size > 0 && mayTake) throw new Error('waits beside a free connection')
            }
          }
          for (const person of people) {
            for (const borrower of person.waiting) scheduler.leave(person.load, borrower)
            while (person.held > 0) {
              person.held -= 1
              done(scheduler, person.load)
            }
          }
          if (!scheduler.isIdle) throw new Error('leaked')
        }
      ),
      { numRuns: 300 }
    )
  }
)

t.test('rule 69: loads go by account, and apart by the service that acts for one', async (t) => {
  const loads = createLoads()
  t.equal(loads.of(1, null), loads.of(1, null))
  t.not(loads.of(1, null), loads.of(2, null))
  t.not(loads.of(1, null), loads.of(1, 'a'))
  t.equal(loads.of(1, 'a'), loads.of(1, 'a'))
  const kept = loads.of(3, null)
  kept.media.underWay = 1
  const forgotten = loads.of(4, null)
  for (let account = 100; account < 25_000; account++) loads.of(account, null)
  t.equal(loads.of(3, null), kept, 'what is under way is never forgotten')
  t.notOk(forgotten.isKept, 'and who holds what was forgotten can tell')
})
