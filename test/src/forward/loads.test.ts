import t from 'tap'
import { type ClassLoad, createLoads, Load } from '../../../src/forward/loads.ts'
import { type Borrower, Scheduler } from '../../../src/forward/scheduler.ts'
import { fc } from '../../support/properties.ts'

const LONG_MS = 60_000

/** The response to a request of this account has left, and its connection is free. */
function finish(scheduler: Scheduler, load: ClassLoad): void {
  scheduler.giveBack()
  load.done()
}

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
          const scheduler = new Scheduler(
            { connections, underWay: 4, waiting: 6, waitsForItself: true },
            LONG_MS
          )
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
              finish(scheduler, person.load)
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
              finish(scheduler, person.load)
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
