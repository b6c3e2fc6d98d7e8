import t from 'tap'
import { BOX_ID } from '../simulator/servers.ts'
import { bearer, SESSION, serviceSetting, startDelegation } from '../support/services.ts'
import { until } from '../support/until.ts'

t.setTimeout(300_000)

t.test(
  'rule 71: a service with hundreds of calls to a server that hangs holds up neither people nor other services',
  async (t) => {
    const { usher, ask, exchange, simulator } = await startDelegation(t, {
      services: [serviceSetting('full'), serviceSetting('transient')],
      settings: { USHER_UPSTREAM_TIMEOUT: '2m' }
    })
    const person = await usher.signedIn()
    const cookie = person.jar.get('usher') ?? ''
    const hang = simulator.faults.set({ service: 'pms', path: '/security/resources', kind: 'hang' })
    const leave = new AbortController()
    const statuses: number[] = []
    const asked = Array.from({ length: 400 }, () =>
      ask(`/sources?source=server://${BOX_ID}&refresh=1`, {
        headers: { authorization: bearer('full') },
        signal: leave.signal
      }).then(
        ({ status, headers, json }) => {
          statuses.push(status)
          t.match(json, { code: 'USHER_BUSY' })
          t.match(headers.get('retry-after'), /^\d+$/)
        },
        () => {}
      )
    )
    const reached = () => simulator.received({ service: 'pms', path: '/security/resources' }).length
    await until(() => statuses.length === 400 - 256 - reached() && reached() > 0)
    t.ok(reached() <= 32, `${reached()} of its calls have reached the server`)

    const other = await exchange('transient', { subject_token: cookie, subject_token_type: SESSION })
    t.equal(other.status, 200, other.text)
    t.equal((await usher.signedIn()).jar.has('usher'), true, 'people sign in')
    t.same(new Set(statuses), new Set([503]))

    simulator.faults.clear(hang)
    leave.abort()
    await Promise.all(asked)
  }
)
