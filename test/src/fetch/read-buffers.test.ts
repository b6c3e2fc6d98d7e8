import t from 'tap'
import {
  BIG_BYTES,
  createBufferPool,
  MEDIUM_BYTES,
  ReadBuffers,
  SMALL_BYTES
} from '../../../src/fetch/read-buffers.ts'

const HEAD = [false, false, true] as const
const FILLED = [true, false, true] as const
const PAUSED = [true, true, true] as const

t.test('a connection that had a longer body reads its next response into a medium buffer', async (t) => {
  const pool = createBufferPool()
  pool.enter()
  const buffers = new ReadBuffers(pool)
  t.equal(buffers.next.length, SMALL_BYTES)
  t.equal(buffers.choose(...HEAD).length, SMALL_BYTES)
  t.equal(buffers.choose(...FILLED).length, BIG_BYTES)
  const medium = buffers.choose(...HEAD)
  t.equal(medium.length, MEDIUM_BYTES)
  t.equal(buffers.choose(...FILLED).length, BIG_BYTES, 'and grows from there')
  t.equal(buffers.choose(...HEAD), medium, 'its own, not another one')
})

t.test('what is lent is not read into until it is taken back', async (t) => {
  const pool = createBufferPool()
  pool.enter()
  const buffers = new ReadBuffers(pool)
  const small = buffers.next
  const big = buffers.choose(...FILLED)
  const medium = buffers.choose(...PAUSED)
  const other = buffers.choose(...PAUSED)
  t.equal(new Set([small, big, medium, other]).size, 4)
  t.not(pool.take(), big, 'lent is not in the pool')
  buffers.takeBack()
  t.equal(pool.take(), big)
  t.not(buffers.next, medium)
  buffers.abandon()
  t.not(buffers.next, other, 'what may still be written is given up')
})
