import t from 'tap'
import { createMemoryStore } from '../../../src/store/memory.ts'
import { storeSuite } from './suite.ts'

t.test('the store of a process', async (t) => {
  await storeSuite(t, async () => {
    const clock = { now: Date.now() }
    const store = createMemoryStore({ now: () => clock.now })
    return { store, other: store, clock }
  })
})
