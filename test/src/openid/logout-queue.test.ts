import t, { type Test } from 'tap'
import { createLogoutQueue, type LogoutResult } from '../../../src/openid/logout-queue.ts'
import { type Logout, logoutRecord, parseLogout } from '../../../src/openid/sign-in-record.ts'
import { createMemoryStore } from '../../../src/store/memory.ts'
import { StoreAway } from '../../../src/store/store.ts'
import { until } from '../../support/until.ts'

const DAY_MS = 86_400_000

/** What the library throws for a response that is no success. */
const answered = (status: number) => Object.assign(new Error('unexpected'), { response: { status } })

/** A queue of one instance, and an app that answers what the test says. */
function stand(t: Test, store = createMemoryStore({ now: () => clock.now })) {
  const sent: string[] = []
  const results: { result: LogoutResult; reason: string; attempts: number }[] = []
  let answer: () => Promise<void> = async () => undefined
  const queue = createLogoutQueue({
    store,
    async send(clientId, sub, sid) {
      sent.push(`${clientId} ${sub} ${sid}`)
      await answer()
    },
    onResult: ({ attempts }, result, reason) => void results.push({ result, reason, attempts }),
    now: () => clock.now
  })
  t.teardown(() => queue.close())
  return { store, queue, sent, results, answers: (next: typeof answer) => (answer = next) }
}

const clock = { now: Date.now() }

function logout(changes: Partial<Logout> = {}): Logout {
  return { clientId: 'app', sid: 'sid', sub: '1', queuedAt: clock.now, attempts: 0, lease: '', ...changes }
}

type Stand = ReturnType<typeof stand>

async function add({ store }: Stand, ...logouts: Logout[]): Promise<void> {
  await store.commit({ put: logouts.map((each) => logoutRecord(each, clock.now)) })
}

async function kept({ store }: Stand): Promise<readonly Logout[]> {
  return (await store.page('logout', { limit: 100 })).values.map(parseLogout)
}

async function afterResult(of: Stand): Promise<void> {
  const before = of.results.length
  of.queue.poke()
  await until(() => of.results.length > before)
}

t.test('an app that answers has been told, and its entry is gone', async (t) => {
  const of = stand(t)
  await add(of, logout({ sub: '千' }))
  of.queue.start()
  await until(() => of.results.length > 0)
  t.strictSame(of.sent, ['app 千 sid'])
  t.strictSame(of.results, [{ result: 'told', reason: 'ok', attempts: 1 }])
  t.strictSame(await kept(of), [])
  await until(() => of.queue.waiting === 0)
})

t.test('any success is one, whatever the library thinks of it', async (t) => {
  const of = stand(t)
  of.queue.start()
  for (const status of [200, 202, 204, 299]) {
    of.answers(() => Promise.reject(answered(status)))
    await add(of, logout())
    await afterResult(of)
    t.match(of.results.at(-1), { result: 'told', reason: String(status) })
  }
  t.strictSame(await kept(of), [])
})

t.test('a refusal is final, but not a time-out, too early or too many requests', async (t) => {
  const of = stand(t)
  of.queue.start()
  for (const status of [400, 404, 499]) {
    of.answers(() => Promise.reject(answered(status)))
    await add(of, logout())
    await afterResult(of)
    t.match(of.results.at(-1), { result: 'refused', reason: String(status) })
    t.strictSame(await kept(of), [], 'not tried again')
  }
  for (const status of [199, 300, 302, 408, 425, 429, 500, 503]) {
    of.answers(() => Promise.reject(answered(status)))
    await add(of, logout())
    await afterResult(of)
    t.match(of.results.at(-1), { result: 'failed', reason: String(status) })
    t.match(await kept(of), [{ attempts: 1 }], 'kept')
  }
})

t.test('retries back off from a second to five minutes, and end after a day', async (t) => {
  const of = stand(t)
  of.answers(() => Promise.reject(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })))
  const queuedAt = clock.now
  await add(of, logout())
  of.queue.start()
  await until(() => of.results.length === 1)
  t.match(of.results[0], { result: 'failed', reason: 'ECONNREFUSED' })
  for (const seconds of [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]) {
    const attempts = of.results.length
    clock.now += seconds * 750 - 1
    of.queue.poke()
    await new Promise((resolve) => setTimeout(resolve, 10))
    t.equal(of.results.length, attempts, `not before ${seconds} s, less a quarter`)
    clock.now += seconds * 500 + 2
    await afterResult(of)
    t.equal(of.results.at(-1)?.attempts, attempts + 1)
  }
  clock.now = queuedAt + DAY_MS
  await afterResult(of)
  t.equal(of.results.at(-1)?.result, 'given_up')
  t.strictSame(await kept(of), [])
})

t.test('of two instances one sends, and the other takes over an entry whose sender died', async (t) => {
  const one = stand(t)
  const two = stand(t, one.store)
  const { promise, resolve } = Promise.withResolvers<void>()
  one.answers(() => promise)
  await add(one, logout())
  one.queue.start()
  await until(() => one.sent.length === 1)
  two.queue.start()
  clock.now += 14_999
  two.queue.poke()
  await new Promise((resolve) => setTimeout(resolve, 20))
  t.strictSame(two.sent, [], 'the lease holds')
  clock.now += 1
  await afterResult(two)
  t.match(two.results, [{ result: 'told', attempts: 2 }])
  // A new sign-out of the same sign-in: the late answer to the first must not remove it. It is not due, or a look of
  // either queue in between would send it.
  await one.store.commit({ put: [logoutRecord(logout({ attempts: 5 }), clock.now + DAY_MS)] })
  resolve()
  await until(() => one.results.length > 0)
  t.match(await kept(one), [{ attempts: 5 }])
})

t.test('eight apps are told at once, and a slow one does not hold up the rest', async (t) => {
  const of = stand(t)
  const { promise, resolve } = Promise.withResolvers<void>()
  let most = 0
  let now = 0
  of.answers(async () => {
    most = Math.max(most, ++now)
    if (of.sent.length === 1) await promise
    else await new Promise((resolve) => setTimeout(resolve, 5))
    now--
  })
  await add(of, ...Array.from({ length: 30 }, (_, index) => logout({ clientId: `app${index}` })))
  of.queue.start()
  await until(() => of.results.length === 29)
  t.equal(most, 8)
  t.equal(of.queue.waiting, 1)
  resolve()
  await until(() => of.queue.waiting === 0)
})

t.test('at the end what was never tried is tried, and nothing else', async (t) => {
  const of = stand(t)
  of.queue.start()
  await new Promise((resolve) => setTimeout(resolve, 10))
  await add(of, logout(), logout({ clientId: 'tried', attempts: 1 }))
  await of.queue.close()
  t.strictSame(of.sent, ['app 1 sid'])
  of.queue.poke()
  await new Promise((resolve) => setTimeout(resolve, 10))
  t.equal(of.sent.length, 1)
})

t.test('a store that is away is asked again at the next look', async (t) => {
  const store = createMemoryStore({ now: () => clock.now })
  let isAway = true
  const of = stand(t, {
    ...store,
    page: (...args) => (isAway ? Promise.reject(new StoreAway('test')) : store.page(...args))
  })
  await add(of, logout())
  of.queue.start()
  await new Promise((resolve) => setTimeout(resolve, 20))
  isAway = false
  await until(() => of.results.length === 1)
  t.equal(of.results[0]?.result, 'told')
})
