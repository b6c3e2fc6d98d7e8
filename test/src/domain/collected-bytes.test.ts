import t from 'tap'
import { collectBytes } from '../../../src/domain/collected-bytes.ts'
import { fc } from '../../support/properties.ts'

t.test('pieces come back in order, as one, and once', async (t) => {
  await fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 8 }), (pieces) => {
      const collected = collectBytes()
      for (const piece of pieces) collected.add(piece)
      const whole = Buffer.concat(pieces)
      return collected.length === whole.length && collected.take().equals(whole) && collected.length === 0
    })
  )
  const collected = collectBytes()
  const piece = Buffer.from('ab')
  collected.add(piece)
  piece.fill('x')
  const first = collected.take()
  collected.add(Buffer.from('cd'))
  t.equal(String(first), 'ab', 'a piece is copied, and what was taken stays')
  t.equal(String(collected.take()), 'cd')
})

t.test('rule 53: pieces of a byte each take no more memory than their bytes', async (t) => {
  const collected = collectBytes()
  for (let at = 0; at < 2_000_000; at += 1) collected.add(Buffer.from([at & 255]))
  const held = collected.take()
  t.equal(held.length, 2_000_000)
  t.equal(held[300], 300 & 255)
  t.ok(held.buffer.byteLength <= 4_000_000, 'at most twice the bytes')
})
