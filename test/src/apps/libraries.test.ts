import t from 'tap'
import { createLibraries } from '../../../src/apps/libraries.ts'
import { sampleSession } from '../session/sample.ts'

const RECHECK_MS = 900_000
const SESSION = sampleSession({ serverToken: 'server-token', clientIdentifier: 'client' })
const { id } = SESSION.account

/** A media server whose answers the test gives. */
function stand({ recheckMs = RECHECK_MS, hasServer = true } = {}) {
  const clock = { now: 1_790_000_000_000 }
  const asked: string[] = []
  const failures: unknown[] = []
  let answer: () => Promise<readonly string[]> = async () => ['Films']
  const libraries = createLibraries({
    mediaServer: hasServer
      ? {
          libraries(token, client) {
            asked.push(`${token} ${client}`)
            return answer()
          }
        }
      : null,
    recheckMs,
    onFailure: (error) => void failures.push(error),
    now: () => clock.now
  })
  return { libraries, clock, asked, failures, answers: (next: typeof answer) => (answer = next) }
}

t.test('the server is asked once in a re-check, with the token for it', async (t) => {
  const { libraries, clock, asked, answers } = stand()
  t.equal(libraries.known(id), null)
  t.strictSame(await libraries.ask(SESSION), ['Films'])
  t.strictSame(asked, ['server-token client'])
  answers(async () => ['Music'])
  clock.now += RECHECK_MS - 1
  t.strictSame(await libraries.ask(SESSION), ['Films'])
  t.equal(asked.length, 1)
  clock.now += 1
  t.strictSame(await libraries.ask(SESSION), ['Music'])
  t.strictSame(libraries.known(id), ['Music'])
  t.equal(asked.length, 2)
})

t.test('many questions at once are one, and the next is a new one', async (t) => {
  const { libraries, clock, asked, answers } = stand()
  const { promise, resolve } = Promise.withResolvers<readonly string[]>()
  answers(() => promise)
  const all = [libraries.ask(SESSION), libraries.ask(SESSION), libraries.ask(SESSION)]
  resolve(['Films'])
  t.strictSame(await Promise.all(all), [['Films'], ['Films'], ['Films']])
  t.equal(asked.length, 1)
  clock.now += RECHECK_MS
  await libraries.ask(SESSION)
  t.equal(asked.length, 2)
})

t.test('while the server is away the last answer holds, and it is tried every ten seconds', async (t) => {
  const { libraries, clock, asked, failures, answers } = stand()
  await libraries.ask(SESSION)
  const away = new Error('away')
  answers(() => Promise.reject(away))
  clock.now += RECHECK_MS
  t.strictSame(await libraries.ask(SESSION), ['Films'])
  t.strictSame(failures, [away])
  clock.now += 9999
  t.strictSame(await libraries.ask(SESSION), ['Films'])
  t.equal(asked.length, 2)
  clock.now += 1
  answers(async () => [])
  t.strictSame(await libraries.ask(SESSION), [])
  t.equal(asked.length, 3)
})

t.test('a re-check shorter than that is not made longer by a failure', async (t) => {
  const { libraries, clock, asked, answers } = stand({ recheckMs: 2000 })
  answers(() => Promise.reject(new Error('away')))
  t.equal(await libraries.ask(SESSION), null)
  clock.now += 2000
  t.equal(await libraries.ask(SESSION), null)
  t.equal(asked.length, 2)
})

t.test('a clock set back does not keep an old answer for longer', async (t) => {
  const { libraries, clock, asked } = stand()
  await libraries.ask(SESSION)
  clock.now -= RECHECK_MS
  await libraries.ask(SESSION)
  t.equal(asked.length, 2)
})

t.test('what was known before a start holds until the server has answered, and never after', async (t) => {
  const { libraries, asked, answers } = stand()
  libraries.recall(id, ['Old'])
  t.strictSame(libraries.known(id), ['Old'])
  answers(() => Promise.reject(new Error('away')))
  t.strictSame(await libraries.ask(SESSION), ['Old'])
  t.equal(asked.length, 1, 'it is asked all the same')
  libraries.recall(id, ['Older'])
  t.strictSame(libraries.known(id), ['Old'])
})

t.test('without a server, or without a token for it, nobody is asked', async (t) => {
  const without = stand({ hasServer: false })
  t.equal(await without.libraries.ask(SESSION), null)
  t.strictSame(without.failures, [])
  const { libraries, asked } = stand()
  t.equal(await libraries.ask(sampleSession({ serverToken: null })), null)
  t.strictSame(asked, [])
})
