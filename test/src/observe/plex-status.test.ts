import t from 'tap'
import { createPlexStatus } from '../../../src/observe/plex-status.ts'

const MINUTE = 60_000

t.test('an outage is reported once, and one that flickers every five minutes at most', async (t) => {
  let time = 0
  const reported: string[] = []
  const status = createPlexStatus({ onOutage: (outcome) => reported.push(outcome), now: () => time })
  status.observe('ok')
  t.strictSame([status.seenAt, status.outageSince], [0, null])
  status.observe('refused')
  t.strictSame(reported, [], 'a refusal is an answer')
  time = MINUTE
  status.observe('unreachable')
  time = 2 * MINUTE
  status.observe('timeout')
  t.strictSame([reported, status.outageSince], [['unreachable'], MINUTE])
  status.observe('ok')
  status.observe('failed')
  t.strictSame([reported, status.outageSince], [['unreachable'], 2 * MINUTE], 'the same trouble')
  status.observe('ok')
  time = 10 * MINUTE
  status.observe('failed')
  t.strictSame(reported, ['unreachable', 'failed'])
})
