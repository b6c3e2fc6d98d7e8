import t from 'tap'
import { createRecentMap } from '../../../src/domain/recent-map.ts'

t.test('it never exceeds its size, and entries that are read stay', async (t) => {
  for (const max of [1, 2, 3, 10, 101]) {
    const map = createRecentMap<number, number>(max)
    map.set(-1, -1)
    for (let key = 0; key < 1000; key++) {
      map.set(key, key)
      t.equal(map.get(key), key)
      if (max > 3) t.equal(map.get(-1), -1)
      const held = [...map.values()]
      if (held.length > Math.max(2, max) || new Set(held).size !== held.length)
        t.fail(`${held.length} of ${max}`)
    }
    t.equal(map.get(0), undefined)
    t.ok([...map.values()].length >= max / 2, 'and no less than half of it')
  }
})

t.test('an entry set again has its new value, a deleted one none', async (t) => {
  const map = createRecentMap<string, number>(4)
  map.set('a', 1)
  map.set('b', 2)
  map.set('c', 3)
  map.set('a', 4)
  t.equal(map.get('a'), 4)
  t.strictSame([...map.values()].sort(), [2, 3, 4])
  map.delete('a')
  map.delete('b')
  t.equal(map.get('a'), undefined)
  t.equal(map.get('b'), undefined)
  t.strictSame([...map.values()], [3])
})
