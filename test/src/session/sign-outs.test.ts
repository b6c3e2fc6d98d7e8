import { mock } from 'node:test'
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { Problem } from '../../../src/domain/problems.ts'
import { createSignOuts } from '../../../src/session/sign-outs.ts'

t.test(
  'a sign-out that fails is tried again until it succeeds, and a later one does not wait for it',
  async (t) => {
    const asked: string[] = []
    const failures: number[] = []
    let away = true
    const signOuts = createSignOuts({
      plexTv: {
        signOut: async (token) => {
          asked.push(token)
          if (away) throw new Problem('USHER_UPSTREAM_UNREACHABLE')
        }
      },
      onFailure: (_error, attempt) => {
        failures.push(attempt)
        if (failures.length === 6) away = false
      },
      firstDelayMs: 2
    })
    t.teardown(() => signOuts.close())
    const keepAlive = setInterval(() => undefined, 1000)
    t.teardown(() => clearInterval(keepAlive))
    signOuts.add('first', 'cid')
    signOuts.add('second', 'cid')
    t.equal(signOuts.waiting, 2)
    while (signOuts.waiting > 0) await delay(5)
    t.ok(asked.filter((token) => token === 'first').length >= 2)
    t.ok(asked.filter((token) => token === 'second').length >= 2)
  }
)

t.test('a fresh sign-out’s retry is not held up by an old one’s long pause', async (t) => {
  // On a clock of its own: a machine that pauses for a second would reach the end of the long pause, too.
  let time = 0
  mock.timers.enable({ apis: ['setTimeout'] })
  const clock = mock.method(performance, 'now', () => time)
  t.teardown(() => {
    mock.timers.reset()
    clock.mock.restore()
  })
  const attempts: Record<string, number> = {}
  const signOuts = createSignOuts({
    plexTv: {
      signOut: async (token) => {
        const attempt = (attempts[token] ?? 0) + 1
        attempts[token] = attempt
        if (token === 'old') throw new Problem('USHER_UPSTREAM_UNREACHABLE')
        if (attempt === 1) throw new Problem('USHER_UPSTREAM_UNREACHABLE')
      }
    },
    // 10 ms, then 20, 40, 80, …: the old one soon waits for a second.
    onFailure: (_error, attempt) => {
      if (attempts['old'] === 8 && attempt === 8) signOuts.add('fresh', 'cid')
    },
    firstDelayMs: 10
  })
  t.teardown(() => signOuts.close())
  signOuts.add('old', 'cid')
  for (; time < 10_000 && attempts['fresh'] !== 2; time += 1) {
    mock.timers.tick(1)
    await turn()
  }
  t.equal(attempts['fresh'], 2)
  t.equal(attempts['old'], 8, 'the old one still waits')
})

t.test('sign-outs run four at a time, are bounded, and end with the process', async (t) => {
  let running = 0
  let most = 0
  const { promise, resolve } = Promise.withResolvers<void>()
  const signOuts = createSignOuts({
    plexTv: {
      signOut: async () => {
        running += 1
        most = Math.max(most, running)
        await promise
        running -= 1
      }
    },
    onFailure: () => undefined
  })
  for (let index = 0; index < 10_050; index += 1) signOuts.add(`token-${index}`, 'cid')
  t.equal(running, 4)
  t.equal(signOuts.waiting, 10_004)
  const closed = signOuts.close()
  resolve()
  await closed
  t.equal(most, 4)
  t.equal(signOuts.waiting, 0)
})

t.test(
  'a sign-out that plex.tv refuses is given up in the end, one that nobody answers is not',
  async (t) => {
    const upstream = { service: 'plex.tv', status: 404, code: null } as const
    for (const [error, lasting] of [
      [new Problem('USHER_UPSTREAM_INVALID', { upstream }), false],
      [new Problem('USHER_UPSTREAM_UNREACHABLE', { upstream: { ...upstream, status: 503 } }), true],
      [new Problem('USHER_PLEX_LIMITED', { upstream: { ...upstream, status: 429 }, retryAfter: 60 }), true],
      [new Problem('USHER_UPSTREAM_TIMEOUT'), true]
    ] as const) {
      const again: boolean[] = []
      const signOuts = createSignOuts({
        plexTv: { signOut: () => Promise.reject(error) },
        onFailure: (_error, _attempt, more) => again.push(more),
        firstDelayMs: 0
      })
      signOuts.add('token', 'cid')
      while (again.length < 12 && signOuts.waiting > 0) await delay(1)
      t.equal(again.length, lasting ? 12 : 10, error.code)
      t.equal(again.at(-1), lasting)
      await signOuts.close()
    }
  }
)

t.test('a stop tries each sign-out once more, new ones first, and waits for none that hangs', async (t) => {
  // No time passes by itself: a machine that pauses would reach the end of the two seconds first.
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const asked: string[] = []
  const refused = Promise.withResolvers<void>()
  const signOuts = createSignOuts({
    plexTv: {
      signOut: async (token) => {
        asked.push(token)
        await turn()
        if (token === 'refused') throw new Problem('USHER_UPSTREAM_UNREACHABLE')
      }
    },
    onFailure: () => refused.resolve(),
    firstDelayMs: 60_000
  })
  signOuts.add('refused', 'cid')
  await refused.promise
  const last = Array.from({ length: 9 }, (_, index) => `last-${index}`)
  for (const token of last) signOuts.add(token, 'cid')
  await signOuts.close()
  t.strictSame(asked, ['refused', ...last, 'refused'], 'without the minute of a retry')
  t.equal(signOuts.waiting, 0)

  const hanging = createSignOuts({
    plexTv: { signOut: () => new Promise(() => undefined) },
    onFailure: () => undefined
  })
  hanging.add('hangs', 'cid')
  const closed = hanging.close()
  mock.timers.tick(2000)
  await closed
})
