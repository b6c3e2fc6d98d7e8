import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { createService } from '../examples/service/service.ts'
import { SECRETS, serviceSetting, startDelegation } from './support/services.ts'
import { FRIEND, OWNER } from './support/usher.ts'

t.test('the example acts at the media server as the person who is signed in', async (t) => {
  const { usher, simulator } = await startDelegation(t, {
    services: [serviceSetting('scoped'), serviceSetting('transient')]
  })
  const { publicUrl: usherUrl, internalUrl } = usher
  const service = createService({ usherUrl, internalUrl, id: 'scoped', secret: SECRETS.scoped })
  service.listen(0, '127.0.0.1')
  await once(service, 'listening')
  t.teardown(() => {
    service.close()
    service.closeAllConnections()
  })
  const url = `http://127.0.0.1:${(service.address() as AddressInfo).port}`

  /** What the proxy does: it asks Usher, and passes the assertion on. */
  async function assertionOf(login: string, audience = 'scoped') {
    const browser = await usher.signedIn(login)
    const verified = await browser.get(`/session/verify?audience=${audience}`)
    t.equal(verified.status, 204)
    return { browser, assertion: String(verified.headers['x-usher-assertion']) }
  }
  async function ask(path: string, assertion: string | null, init: RequestInit = {}) {
    const headers = { ...(assertion !== null && { 'x-usher-assertion': assertion }), ...init.headers }
    const response = await fetch(`${url}${path}`, { ...init, headers })
    return { status: response.status, text: await response.text() }
  }
  const own = { method: 'POST', headers: { 'sec-fetch-site': 'same-origin' } }

  const friend = await assertionOf(FRIEND)
  const list = await ask('/', friend.assertion)
  t.equal(list.status, 200)
  t.match(await ask('/watched/1004', friend.assertion, own), { status: 200, text: 'Done.\n' })
  const seenBy = (who: typeof friend) =>
    who.browser.get('/pms/library/metadata/1004', { accept: 'application/json' }).then(({ json }) => {
      return json.MediaContainer.Metadata[0].viewCount ?? 0
    })
  t.equal(await seenBy(friend), 1)
  const owner = await assertionOf(OWNER)
  t.equal(await seenBy(owner), 0, 'nobody else has watched it')
  const [scrobble] = simulator.received({ service: 'pms', path: '/:/scrobble' })
  t.ok(scrobble, 'the media server heard of it once')

  t.match(await ask('/', null), { status: 401 })
  t.match(await ask('/', 'made-up'), { status: 401, text: 'Sign in again.\n' })
  const foreign = await assertionOf(FRIEND, 'transient')
  t.match(await ask('/', foreign.assertion), { status: 401 }, 'an assertion for another service')
  const elsewhere = { method: 'POST', headers: { 'sec-fetch-site': 'same-site' } }
  t.match(await ask('/watched/1004', friend.assertion, elsewhere), { status: 403 })
  t.match(await ask('/watched/x', friend.assertion, own), { status: 404 })
  await friend.browser.post('/session/logout', {})
  t.match(await ask('/', friend.assertion), { status: 401, text: 'Sign in again.\n' })
})
