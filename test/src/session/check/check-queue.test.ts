import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { createCheckQueue } from '../../../../src/session/check/check-queue.ts'
import { createRecheck } from '../../../../src/session/check/recheck.ts'
import { createLiveSession } from '../../../../src/session/live/live-sessions.ts'
import { HOUR, NOW, sampleSession } from '../sample.ts'
import { BOUNDLESS } from './resource-sample.ts'

t.test('sessions that wait for their check take bounded room while plex.tv answers nobody', async (t) => {
  let asked = 0
  const recheck = createRecheck({
    tellsAccounts: false,
    config: {
      access: 'server',
      allowedAccounts: [],
      requireTwoFactor: 'none',
      recheckMs: HOUR,
      outageGraceMs: 24 * HOUR
    },
    plexTv: {
      account: () => {
        asked += 1
        return new Promise(() => undefined)
      },
      resourceList: () => new Promise(() => undefined),
      ping: async () => undefined
    },
    budget: BOUNDLESS,
    roll: null,
    remembersEnds: false,
    machineId: () => null,
    hasEnded: () => false,
    end: () => t.fail('no session ends'),
    onOutage: () => t.fail('no answer is no failure yet'),
    waitMs: 10_000,
    now: () => NOW
  })
  const sample = sampleSession({ checkedAt: NOW - 2 * HOUR })
  const lives = Array.from({ length: 25_000 }, (_, index) =>
    createLiveSession({ ...sample, id: `id-${index}`, account: { ...sample.account, id: index } })
  )
  for (const live of lives) recheck.touch(live)
  t.equal(lives.filter(({ pending }) => pending).length, 20_000)
  t.equal(asked, 4, 'a few at a time')
  const late = lives.at(-1)
  if (late === undefined) throw new Error('no session')
  recheck.touch(late)
  t.notOk(late.pending, 'it asks again with its next request')
})

function liveOf(id: number) {
  const sample = sampleSession()
  return createLiveSession({ ...sample, account: { ...sample.account, id } })
}

t.test('however long the queue is, nobody waits in it for longer than for plex.tv itself', async (t) => {
  const ends: (() => void)[] = []
  const queue = createCheckQueue({
    check: () => new Promise((resolve) => ends.push(resolve)),
    mark: () => 0,
    budget: BOUNDLESS,
    waitMs: 30,
    onTimeout: (live) => {
      live.stale = true
    }
  })
  const lives = Array.from({ length: 9 }, (_, id) => liveOf(id))
  const [asked, last, added] = [lives[0], lives[7], lives[8]]
  if (asked === undefined || last === undefined || added === undefined) throw new Error('no sessions')
  const waits = lives.slice(0, 8).map((live) => queue.join(live))
  queue.add(added)
  // Answered, and held up by what comes after the answer.
  asked.session = { ...asked.session, checkedAt: NOW + 1 }
  await delay(60)
  await Promise.all(waits)
  t.equal(ends.length, 4, 'and the rest keep their places')
  t.match(last, { stale: true, pending: true })
  t.match(asked, { stale: false, pending: true })
  t.match(added, { stale: false, pending: true }, 'for whom nobody waited')
  await queue.join(last)
  while (ends.length > 0) {
    for (const end of ends.splice(0)) end()
    await delay(1)
  }
  t.ok(lives.every(({ pending }) => !pending))
})
