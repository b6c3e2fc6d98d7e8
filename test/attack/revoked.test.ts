import t from 'tap'
import type { Browser } from '../support/browser.ts'
import { matchProblem } from '../support/sign-in.ts'
import { until } from '../support/until.ts'
import { startTestUsher, type TestUsher } from '../support/usher.ts'

function copyOf(usher: TestUsher, browser: Browser): Browser {
  const copy = usher.browser()
  for (const [name, value] of browser.jar) copy.jar.set(name, value)
  return copy
}

t.test('rule 85: what plex.tv answers after a logout does not reach the dead cookie', async (t) => {
  const usher = await startTestUsher(t)
  const { simulator } = usher
  for (const [path, slow] of [
    ['/session/account', '/api/v2/user'],
    ['/session/home', '/api/v2/home/users'],
    ['/session/servers', '/api/v2/resources'],
    ['/plex/api/v2/user', '/api/v2/user'],
    ['/plex/api/v2/friends', '/api/v2/friends']
  ] as const) {
    const browser = await usher.signedIn()
    const late = copyOf(usher, browser)
    simulator.clearReceived()
    const fault = simulator.faults.set({ service: 'plex', path: slow, kind: 'latency', ms: 400 })
    const asking = late.get(path)
    await until(() => simulator.received({ service: 'plex', path: slow }).length === 1, `${path} is asked`)
    t.equal((await browser.post('/session/logout')).status, 204)
    const answer = await asking
    matchProblem(t, answer, 401, 'USHER_SESSION_REVOKED', path)
    t.notMatch(answer.text, /sim@example\.com|machineIdentifier|friend/)
    simulator.faults.clear(fault)
  }
})
