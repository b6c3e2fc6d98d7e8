import { createHash } from 'node:crypto'
import t from 'tap'
import { createLocalCounters } from '../../../src/store/counters.ts'
import { createSharedCounters } from '../../../src/store/shared-counters.ts'

const WINDOW_MS = 60_000

t.test('counts by key in a window that begins with the first', async (t) => {
  let time = 1000
  const counters = createLocalCounters(() => time)
  t.strictSame(counters.read('a'), { current: 0, ttl: 0 })
  t.strictSame(counters.add('a', WINDOW_MS), { current: 1, ttl: WINDOW_MS })
  time += 40_000
  t.strictSame(counters.add('a', WINDOW_MS), { current: 2, ttl: 20_000 })
  t.strictSame(counters.add('b', WINDOW_MS), { current: 1, ttl: WINDOW_MS })
  t.strictSame(counters.read('a'), { current: 2, ttl: 20_000 })
  time += 20_000
  t.strictSame(counters.read('a'), { current: 0, ttl: 0 })
  t.strictSame(counters.add('a', WINDOW_MS), { current: 1, ttl: WINDOW_MS })
})

t.test('rule 66: a flood of keys takes no more room, and a key in use stays', async (t) => {
  const counters = createLocalCounters(() => 0, 100)
  for (let index = 0; index < 10_000; index += 1) {
    counters.add(`stranger ${index}`, WINDOW_MS)
    if (index % 50 === 0) counters.add('target', WINDOW_MS)
  }
  t.equal(counters.read('target').current, 200)
  t.equal(counters.read('stranger 0').current, 0)
})

interface Script {
  up: boolean
  answer: () => Promise<unknown>
  readonly keys: string[]
  readonly suspected: unknown[]
}

function scripted(): { script: Script; counters: ReturnType<typeof createSharedCounters> } {
  const script: Script = { up: true, answer: async () => [1, WINDOW_MS], keys: [], suspected: [] }
  const counters = createSharedCounters({
    prefix: 'usher:{x}',
    names: {
      of: (space, text) => createHash('sha256').update(`${space} ${text}`).digest('base64url').slice(0, 22)
    },
    now: () => 0,
    link: {
      isUp: () => script.up,
      run: (_script, key) => {
        script.keys.push(key)
        return script.answer()
      },
      suspect: (error) => script.suspected.push(error)
    }
  })
  return { script, counters }
}

t.test('what all instances counted is what counts', async (t) => {
  const { script, counters } = scripted()
  script.answer = async () => [7, 1234]
  t.strictSame(await counters.add('a', WINDOW_MS), { current: 7, ttl: 1234 })
  t.strictSame(await counters.read('a', WINDOW_MS), { current: 7, ttl: 1234 })
})

t.test('while Redis is away it is not asked, and what happened here goes on counting', async (t) => {
  const { script, counters } = scripted()
  for (let times = 0; times < 3; times += 1) await counters.add('a', WINDOW_MS)
  script.up = false
  t.strictSame(await counters.add('a', WINDOW_MS), { current: 4, ttl: WINDOW_MS })
  t.strictSame(await counters.read('a', WINDOW_MS), { current: 4, ttl: WINDOW_MS })
  t.equal(script.keys.length, 3)
})

t.test('a call that fails is no error of the request, and Redis is taken for lost', async (t) => {
  const { script, counters } = scripted()
  const error = new Error('OOM command not allowed')
  script.answer = async () => Promise.reject(error)
  t.strictSame(await counters.add('a', WINDOW_MS), { current: 1, ttl: WINDOW_MS })
  t.strictSame(script.suspected, [error])
})

t.test('a Redis that came back empty, or answers nonsense, gives nobody a second ration', async (t) => {
  const { script, counters } = scripted()
  for (let times = 0; times < 5; times += 1) await counters.add('a', WINDOW_MS)
  const answers = [[1, WINDOW_MS], [-1, 5], ['x', 'y'], [], null, 'OK', [2 ** 60, 1]]
  for (const answer of answers) {
    script.answer = async () => answer
    t.equal((await counters.read('a', WINDOW_MS)).current, 5, JSON.stringify(answer))
  }
})

t.test('a key tells Redis neither an address nor a login, and keeps limits apart', async (t) => {
  const { script, counters } = scripted()
  await counters.add('login_account:sim@example.com', WINDOW_MS)
  await counters.add('login_address:sim@example.com', WINDOW_MS)
  t.equal(new Set(script.keys).size, 2)
  for (const key of script.keys) t.match(key, /^usher:\{x\}:limit:[\w-]{22}$/)
})
