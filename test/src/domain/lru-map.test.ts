import t from 'tap'
import { createLruMap } from '../../../src/domain/lru-map.ts'

t.test('it holds so many entries, and the least recently used goes first', async (t) => {
  const map = createLruMap<string, number>(3)
  for (const [index, key] of ['a', 'b', 'c'].entries()) map.set(key, index)
  t.equal(map.get('a'), 0)
  map.set('d', 3)
  t.strictSame([...map.keys()].sort(), ['a', 'c', 'd'])
  map.set('d', 4)
  t.equal(map.size, 3, 'a new value takes no further room')
  map.delete('c')
  map.set('e', 5)
  t.strictSame([...map.keys()].sort(), ['a', 'd', 'e'])
})

t.test('entries live as long as asked, by the given clock', async (t) => {
  let time = 1000
  const map = createLruMap<string, number>(3, { perf: { now: () => time }, ttlResolution: 0 })
  map.set('a', 1, { ttl: 10 })
  time = 1009
  t.equal(map.get('a'), 1)
  time = 1012
  t.equal(map.get('a'), undefined)
})
