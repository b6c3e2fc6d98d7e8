import t from 'tap'
import { atMost } from '../../../src/app/at-most.ts'

t.test('a stop waits for the work, and not for work that never ends', async (t) => {
  let isDone = false
  await atMost(
    10_000,
    new Promise<void>((resolve) => {
      setImmediate(() => {
        isDone = true
        resolve()
      })
    })
  )
  t.ok(isDone)
  await atMost(5, new Promise(() => {}))
  await t.rejects(atMost(10_000, Promise.reject(new TypeError('no'))), TypeError)
})
