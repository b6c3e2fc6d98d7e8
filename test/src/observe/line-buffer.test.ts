import t from 'tap'
import { createLineBuffer } from '../../../src/observe/line-buffer.ts'

t.test('lines come out unchanged and in order, whatever their length and alphabet', async (t) => {
  const written: Buffer[] = []
  let flushed = 0
  const lines = createLineBuffer({
    write: (bytes) => written.push(bytes),
    flushSync: () => {
      flushed++
    }
  })
  let expected = ''
  for (const text of [
    'a',
    'é'.repeat(20_000),
    '\u{1f600}'.repeat(9000),
    '€'.repeat(30_000),
    'b'.repeat(70_000),
    'z'
  ]) {
    for (let i = 0; i < 3; i++) {
      expected += `${text}${i}\n`
      lines.write(`${text}${i}\n`)
    }
  }
  t.ok(written.length > 1, 'what is many goes on by itself')
  lines.drain()
  const count = written.length
  t.ok(Buffer.concat(written).equals(Buffer.from(expected)))
  lines.drain()
  t.equal(written.length, count, 'nothing is written where there is nothing')
  lines.write('last\n')
  lines.flushSync()
  t.equal(String(written.at(-1)), 'last\n')
  t.equal(flushed, 1)
})

t.test('memory that was handed over is not written to again', async (t) => {
  const written: Buffer[] = []
  const lines = createLineBuffer({ write: (bytes) => written.push(bytes), flushSync() {} })
  lines.write('first\n')
  lines.drain()
  lines.write('other\n')
  lines.drain()
  t.strictSame(written.map(String), ['first\n', 'other\n'])
})
