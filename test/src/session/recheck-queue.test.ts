import t from 'tap'
import type { LiveSession } from '../../../src/session/live-sessions.ts'
import { createRecheck } from '../../../src/session/recheck.ts'
import { HOUR, NOW, sampleSession } from './sample.ts'

t.test('sessions that wait for their check take bounded room while plex.tv answers nobody', async (t) => {
  let asked = 0
  const recheck = createRecheck({
    config: { access: 'server', requireTwoFactor: 'none', recheckMs: HOUR, outageGraceMs: 24 * HOUR },
    plexTv: {
      account: () => {
        asked += 1
        return new Promise(() => undefined)
      },
      resources: () => new Promise(() => undefined),
      ping: async () => undefined
    },
    machineId: () => null,
    hasEnded: () => false,
    onEnd: () => t.fail('nobody is signed out'),
    onOutage: () => t.fail('no answer is no failure yet'),
    now: () => NOW
  })
  const sample = sampleSession({ checkedAt: NOW - 2 * HOUR })
  const lives = Array.from({ length: 25_000 }, (_, index): LiveSession => {
    const session = { ...sample, id: `id-${index}`, account: { ...sample.account, id: index } }
    return { session, stale: false, pending: false, retryAt: 0, sealed: null, streams: new Set() }
  })
  for (const live of lives) recheck.touch(live)
  t.equal(lives.filter(({ pending }) => pending).length, 20_000)
  t.equal(asked, 4, 'a few at a time')
  const late = lives.at(-1)
  if (late === undefined) throw new Error('no session')
  recheck.touch(late)
  t.notOk(late.pending, 'it asks again with its next request')
})
