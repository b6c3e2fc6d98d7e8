import t from 'tap'
import { createBlocks } from '../../../src/people/blocks.ts'
import type { SealedJson } from '../../../src/people/sealed-json.ts'
import { createMemoryStore } from '../../../src/store/memory.ts'
import { type Store, StoreAway } from '../../../src/store/store.ts'

function stage() {
  let isAway = false
  let rewritten = 0
  const retired = new Set<string>()
  const kept = createMemoryStore({ now: () => 1_000_000 })
  const unlessAway =
    <A extends readonly unknown[], R>(call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      if (isAway) throw new StoreAway('ECONNREFUSED')
      return call(...args)
    }
  const store: { -readonly [Call in keyof Store]: Store[Call] } = {
    ...kept,
    get: unlessAway(kept.get),
    page: unlessAway(kept.page),
    commit: unlessAway(kept.commit)
  }
  const sealed: SealedJson = {
    write(value) {
      rewritten += 1
      return JSON.stringify(value)
    },
    read: <T>(text: string) => {
      if (text === 'of a lost key') return null
      return { value: JSON.parse(text) as T, isNewest: !retired.has(text) }
    }
  }
  return {
    blocks: createBlocks({ store, sealed, now: () => 1_000_000 }),
    kept,
    store,
    retired,
    setAway: (away: boolean) => {
      isAway = away
    },
    get rewritten() {
      return rewritten
    }
  }
}

const block = (accountId: number) => ({ accountId, username: 'x', title: 'X', at: accountId })

t.test('all blocks are read, however many, and hold while the store is away', async (t) => {
  const { blocks, setAway } = stage()
  for (let id = 1; id <= 1203; id += 1) await blocks.set(block(id))
  t.equal((await blocks.all()).length, 1203)
  await blocks.lift(7)
  t.equal((await blocks.all()).length, 1202)
  setAway(true)
  t.strictSame(await Promise.all([1, 7, 1203, 2000].map((id) => blocks.has(id))), [true, false, true, false])
  await t.rejects(blocks.all(), StoreAway)
  await t.rejects(blocks.set(block(2000)), StoreAway)
  t.notOk(await blocks.has(2000), 'what was not kept is not claimed')
})

t.test('another instance’s block counts at once where the store answers', async (t) => {
  const { blocks, kept } = stage()
  const value = JSON.stringify(block(9))
  await kept.commit({ put: [{ kind: 'block', key: '9', value, expiresAt: 2_000_000 }] })
  t.ok(await blocks.has(9))
  await kept.commit({ remove: [{ kind: 'block', key: '9' }] })
  t.notOk(await blocks.has(9))
})

t.test('a block outlives the keys: it is sealed anew, and one that no key opens still blocks', async (t) => {
  const place = stage()
  const { blocks, kept, retired } = place
  await blocks.set(block(1))
  const [value = ''] = (await kept.page('block', { limit: 10 })).values
  retired.add(value)
  const before = place.rewritten
  await blocks.all()
  t.equal(place.rewritten, before + 1)
  const lost = { kind: 'block', key: '5', value: 'of a lost key', expiresAt: 2_000_000 } as const
  await kept.commit({ put: [lost] })
  t.ok(await blocks.has(5))
  t.equal((await blocks.all()).length, 1, 'nobody can say whose it is')
})

t.test('a block that is lifted while it is sealed anew does not come back', async (t) => {
  const { blocks, kept, store, retired } = stage()
  await blocks.set(block(1))
  const page = await kept.page('block', { limit: 10 })
  retired.add(page.values[0] ?? '')
  store.page = async () => {
    await blocks.lift(1)
    return page
  }
  await blocks.all()
  t.equal(await kept.get({ kind: 'block', key: '1' }), null)
})
