import type { Test } from 'tap'
import { takeLease } from '../../../src/store/lease.ts'
import { type NewRecord, type Place, ROOMS, type Store } from '../../../src/store/store.ts'

/** A store for one test, and the clock that it goes by. */
export interface Stand {
  readonly store: Store
  /** Another door to the same records: another instance. The same one where there can be no other. */
  readonly other: Store
  readonly clock: { now: number }
}

export type Open = (t: Test) => Promise<Stand>

const MINUTE_MS = 60_000

/** What every kind of store keeps to; each is held against it. */
export async function storeSuite(t: Test, open: Open): Promise<void> {
  await t.test('a record is there until its end, and not under another kind', async (t) => {
    const { store, other, clock } = await open(t)
    const record = {
      kind: 'grant',
      key: 'k',
      value: '千と千尋 "x"\n\u0001',
      expiresAt: clock.now + MINUTE_MS
    } as const
    t.equal(await store.get(record), null)
    t.equal(await store.commit({ put: [record] }), true)
    t.equal(await other.get(record), record.value)
    t.equal(await store.get({ kind: 'session', key: 'k' }), null)
    clock.now += MINUTE_MS - 1
    t.equal(await store.get(record), record.value)
    clock.now += 1
    t.equal(await store.get(record), null)
    t.equal(await store.commit({ when: [{ kind: 'grant', key: 'k', value: null }] }), true, 'as good as gone')
  })

  await t.test('compare-and-set: of many at once, one wins', async (t) => {
    const { store, other, clock } = await open(t)
    const put = (value: string): NewRecord => ({
      kind: 'code',
      key: 'c',
      value,
      expiresAt: clock.now + MINUTE_MS
    })
    await store.commit({ put: [put('fresh')] })
    const doors = Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? store : other))
    const won = await Promise.all(
      doors.map((door, index) =>
        door.commit({ when: [{ kind: 'code', key: 'c', value: 'fresh' }], put: [put(`used by ${index}`)] })
      )
    )
    t.equal(won.filter(Boolean).length, 1)
    t.equal(await other.get({ kind: 'code', key: 'c' }), `used by ${won.indexOf(true)}`)
  })

  await t.test('of many that make a record where there is none, one does', async (t) => {
    const { store, other, clock } = await open(t)
    const won = await Promise.all(
      [store, other, store, other].map((door, index) =>
        door.commit({
          when: [{ kind: 'session', key: 's', value: null }],
          put: [{ kind: 'session', key: 's', value: String(index), expiresAt: clock.now + MINUTE_MS }]
        })
      )
    )
    t.equal(won.filter(Boolean).length, 1)
  })

  await t.test('taking and queueing is one step: each is queued once, however many take', async (t) => {
    const { store, other, clock } = await open(t)
    const expiresAt = clock.now + MINUTE_MS
    await store.commit({ put: [{ kind: 'sign-in', key: 'u', value: 'held', expiresAt }] })
    const won = await Promise.all(
      [store, other, store, other, store].map((door, index) =>
        door.commit({
          when: [{ kind: 'sign-in', key: 'u', value: 'held' }],
          remove: [{ kind: 'sign-in', key: 'u' }],
          put: [{ kind: 'logout', key: `by ${index}`, value: `by ${index}`, expiresAt }]
        })
      )
    )
    t.equal(won.filter(Boolean).length, 1)
    t.equal(await store.get({ kind: 'sign-in', key: 'u' }), null)
    t.strictSame((await store.page('logout', { limit: 10 })).values, [`by ${won.indexOf(true)}`])
  })

  await t.test('a change whose condition fails changes nothing of all that it holds', async (t) => {
    const { store, clock } = await open(t)
    const expiresAt = clock.now + MINUTE_MS
    await store.commit({ put: [{ kind: 'grant', key: 'g', value: 'v', expiresAt, tags: ['a'] }] })
    const change = {
      when: [
        { kind: 'grant', key: 'g', value: 'v' },
        { kind: 'grant', tag: 'a', count: 2 }
      ],
      put: [{ kind: 'grant', key: 'h', value: 'w', expiresAt, tags: ['a'] }],
      remove: [{ kind: 'grant', key: 'g' }]
    } as const
    t.equal(await store.commit(change), false)
    t.strictSame(await store.find({ kind: 'grant', tag: 'a' }), ['v'])
    await store.commit({ put: [{ kind: 'grant', key: 'i', value: 'x', expiresAt, tags: ['a'] }] })
    t.equal(await store.commit(change), true)
    t.strictSame([...(await store.find({ kind: 'grant', tag: 'a' }))].sort(), ['w', 'x'])
  })

  await t.test('a tag finds what carries it now, in order, and lets it be removed together', async (t) => {
    const { store, other, clock } = await open(t)
    const record = (key: string, tags: string[], lifeMs = MINUTE_MS): NewRecord => ({
      kind: 'access-token',
      key,
      value: `value ${key}`,
      expiresAt: clock.now + lifeMs,
      tags
    })
    await store.commit({
      put: [record('3', ['g1', 'u1'], 3000), record('1', ['g1'], 1000), record('2', ['g2'], 2000)]
    })
    const find = (tag: string, limit?: number) => other.find({ kind: 'access-token', tag }, limit)
    t.strictSame(await find('g1'), ['value 1', 'value 3'])
    t.strictSame(await find('g1', 1), ['value 3'])
    t.strictSame(await find('g3'), [])
    t.strictSame(await other.find({ kind: 'refresh-token', tag: 'g1' }), [])
    await store.commit({ put: [record('3', ['g2'], 3000)] })
    t.strictSame(await find('g1'), ['value 1'], 'what was written again has its new tags alone')
    t.strictSame(await find('u1'), [])
    clock.now += 2500
    t.strictSame(await find('g2'), ['value 3'])
    t.strictSame(await find('g1'), [])
    await store.commit({ removeTagged: [{ kind: 'access-token', tag: 'g2' }] })
    t.equal(await store.get({ kind: 'access-token', key: '3' }), null)
  })

  await t.test('a walk gives every record once in the order of `at`, also of one moment', async (t) => {
    const { store, clock } = await open(t)
    const expiresAt = clock.now + MINUTE_MS
    const put = Array.from({ length: 25 }, (_, index) => ({
      kind: 'logout' as const,
      key: `k${index}`,
      value: String(index),
      expiresAt,
      at: clock.now + (index < 12 ? 0 : index)
    }))
    await store.commit({ put: [...put].reverse() })
    const seen: string[] = []
    let after: Place | undefined
    for (let pages = 0; pages < 10; pages += 1) {
      const page = await store.page('logout', { ...(after && { after }), limit: 5 })
      seen.push(...page.values)
      if (page.next === null) break
      after = page.next
    }
    t.strictSame(
      seen.slice(12),
      put.slice(12).map(({ value }) => value)
    )
    t.strictSame([...seen].sort(), put.map(({ value }) => value).sort())
    const due = await store.page('logout', { until: clock.now + 12, limit: 50 })
    t.equal(due.values.length, 13)
  })

  await t.test(
    'rule 66: a flood fills its own room, the oldest go, and other rooms keep theirs',
    async (t) => {
      const { store, clock } = await open(t)
      const expiresAt = clock.now + MINUTE_MS
      await store.commit({ put: [{ kind: 'sign-in', key: 'mine', value: 'kept', expiresAt, tags: ['a'] }] })
      const { max } = ROOMS.interactions
      for (let at = 0; at < max + 500; at += 500) {
        const put = Array.from({ length: 500 }, (_, index) => ({
          kind: 'interaction' as const,
          key: `i${at + index}`,
          value: String(at + index),
          expiresAt: expiresAt + at + index
        }))
        await store.commit({ put })
      }
      let count = 0
      let after: Place | null | undefined
      do {
        const page = await store.page('interaction', { ...(after && { after }), limit: 1000 })
        count += page.values.length
        after = page.next
      } while (after !== null)
      t.ok(count <= max && count >= max * 0.98, `${count} are left`)
      t.equal(await store.get({ kind: 'interaction', key: 'i0' }), null)
      t.equal(await store.get({ kind: 'interaction', key: `i${max + 499}` }), String(max + 499))
      t.equal(await store.get({ kind: 'sign-in', key: 'mine' }), 'kept')
    }
  )

  await t.test('what is over makes room before anything live does', async (t) => {
    const { store, clock } = await open(t)
    await store.commit({
      put: [{ kind: 'lease', key: 'old', value: 'live', expiresAt: clock.now + 10 * MINUTE_MS }]
    })
    for (let index = 0; index < ROOMS.leases.max - 1; index += 1)
      await store.commit({
        put: [{ kind: 'lease', key: `short ${index}`, value: 'x', expiresAt: clock.now + MINUTE_MS }]
      })
    clock.now += 2 * MINUTE_MS
    for (let index = 0; index < ROOMS.leases.max - 1; index += 1)
      await store.commit({
        put: [{ kind: 'lease', key: `later ${index}`, value: 'x', expiresAt: clock.now + MINUTE_MS }]
      })
    t.equal(await store.get({ kind: 'lease', key: 'old' }), 'live')
  })

  await t.test(
    'a lease is one holder’s, kept as long as it is renewed, and another’s after its end',
    async (t) => {
      const { store, other, clock } = await open(t)
      const take = (door: Store, holder: string) =>
        takeLease(door, { name: 'watch', holder, durationMs: 15_000, now: clock.now })
      const won = await Promise.all([take(store, 'a'), take(other, 'b'), take(store, 'c')])
      t.equal(won.filter(Boolean).length, 1)
      const holder = ['a', 'b', 'c'][won.indexOf(true)] ?? ''
      t.equal(await take(other, 'd'), false)
      clock.now += 10_000
      t.equal(await take(store, holder), true)
      clock.now += 10_000
      t.equal(await take(other, 'd'), false)
      clock.now += 5000
      t.equal(await take(other, 'd'), true)
      t.equal(await take(store, holder), false)
    }
  )

  await t.test('a list keeps its newest entries, told newest first and page by page', async (t) => {
    const { store, other } = await open(t)
    for (let index = 1; index <= 25; index += 1) await store.append('events', `e${index}`, 10)
    await store.append('others', 'x', 10)
    const first = await other.recent('events', { limit: 4 })
    t.strictSame(
      first.map(({ value }) => value),
      ['e25', 'e24', 'e23', 'e22']
    )
    const before = first.at(-1)?.id ?? ''
    const rest = await other.recent('events', { before, limit: 100 })
    t.strictSame(
      rest.map(({ value }) => value),
      ['e21', 'e20', 'e19', 'e18', 'e17', 'e16']
    )
    t.strictSame(await other.recent('nothing', { limit: 5 }), [])
  })
}
