import t from 'tap'
import { AUDIT_LINES, type AuditLine, eventOf } from '../../src/observe/audit.ts'
import { BOX_ID } from '../simulator/servers.ts'
import { startBackChannel } from '../support/back-channel.ts'
import { authRequest, enter, KEYS, navigate, post, SECRET, toClients } from '../support/openid.ts'
import { bearer, SESSION, startDelegation, TRANSIENT } from '../support/services.ts'
import { until } from '../support/until.ts'
import { FRIEND, OWNER, PASSWORD } from '../support/usher.ts'

const FRIEND_ID = 7_654_321
const APP = { id: 'immich', secret: SECRET }

t.test('every audit event of the list happens, and the owner reads it', async (t) => {
  const channel = await startBackChannel(t)
  const untold = await startBackChannel(t)
  untold.answer = 400
  const service = await startDelegation(t, {
    settings: {
      USHER_OIDC_KEYS: KEYS,
      USHER_OIDC_CLIENTS: toClients([
        { ...APP, backchannelLogoutUri: channel.uri },
        { id: 'deaf', secret: `${SECRET}-2`, backchannelLogoutUri: untold.uri }
      ]),
      USHER_APPS: JSON.stringify([
        { id: 'vault', name: 'Vault', url: 'https://vault.example', access: { roles: ['owner'] } }
      ])
    }
  })
  const { usher, simulator, ask } = service
  const owner = await usher.signedIn(OWNER)
  const friend = await usher.signedIn(FRIEND)
  await usher.browser().post('/session/login', { login: FRIEND, password: 'wrong' })
  await friend.get('/session/verify?app=vault')
  await navigate(friend, authRequest('immich', { redirect_uri: 'https://elsewhere.example/' }).path)
  await friend.post('/session/logout', {}, { 'sec-fetch-site': 'cross-site' })
  await usher.browser().get('/session', { cookie: 'usher=forged' })
  await ask('/sources?source=server://x', { headers: { authorization: 'Bearer full.wrong' } })
  await ask(`/sources?source=server://${BOX_ID}`, { headers: { authorization: bearer('full') } })
  const subject_token = friend.jar.get('usher') ?? ''
  const subject = { subject_token, subject_token_type: SESSION }
  t.equal((await service.exchange('full', { ...subject, requested_token_type: TRANSIENT })).status, 200)
  const guesser = { 'x-forwarded-for': '203.0.113.9' }
  for (let times = 0; times < 12; times += 1)
    await usher.browser().post('/session/login', { login: `n${times}`, password: 'x' }, guesser)
  await enter(usher, friend, APP)
  await enter(usher, friend, { id: 'deaf', secret: `${SECRET}-2` })
  t.equal((await post(usher, '/oidc/token', { grant_type: 'refresh_token' })).status, 400)
  await service.post('full', '/tokens/revoke', { token: subject_token })
  // An app has it before Usher has the app's answer.
  await until(() => usher.logs.filter(({ event }) => event === 'app.told').length === 2, 'both were asked')
  t.equal(channel.told.length, 1)
  const again = await usher.signedIn(FRIEND)
  t.equal((await owner.ask(`/session/accounts/${FRIEND_ID}/block`, { method: 'PUT' })).status, 204)
  t.equal((await again.get('/session')).status, 401)
  await simulator.plexDown()
  await usher.browser().post('/session/login', { login: FRIEND, password: PASSWORD })
  await usher.browser().post('/session/login', { login: FRIEND, password: PASSWORD })
  await simulator.plexUp()

  const seen = await until(async () => {
    const { json } = await owner.get('/session/events')
    const { events } = json as { events: { event: string }[] }
    return events.some(({ event }) => event === 'upstream.degraded') ? events : null
  })
  const names = new Set(Object.keys(AUDIT_LINES).map((line) => eventOf(line as AuditLine)))
  t.strictSame([...new Set(seen.map(({ event }) => event))].sort(), [...names].sort())
  for (const expected of [
    { event: 'sign_in.refused', app: 'vault', accountId: FRIEND_ID },
    { event: 'sign_in.refused', client: 'immich' },
    { event: 'csrf.refused', reason: 'sec_fetch_site' },
    { event: 'cookie.refused', result: /\w/ },
    { event: 'service.refused', service: 'full' },
    { event: 'token.delegated', service: 'full', source: `server://${BOX_ID}`, outcome: 'issued' },
    { event: 'token.delegated', service: 'full', type: 'transient', accountId: FRIEND_ID, outcome: 'issued' },
    { event: 'token.delegated', service: 'full', kind: 'session', outcome: 'revoked' },
    { event: 'limit.reached', address: '203.0.113.9', limit: /^login_/ },
    { event: 'app.entered', client: 'immich', accountId: FRIEND_ID },
    { event: 'app.told', client: 'immich', outcome: 'told' },
    { event: 'app.told', client: 'deaf', outcome: 'refused', reason: '400' },
    { event: 'account.blocked', accountId: FRIEND_ID, blocked: true },
    { event: 'upstream.degraded', service: 'plex.tv', reason: /^(?:unreachable|failed)$/ }
  ])
    t.ok(
      seen.some((event) => matches(event, expected)),
      JSON.stringify(expected)
    )
  t.equal(seen.filter(({ event }) => event === 'upstream.degraded').length, 1, 'once in an outage')
  for (const event of seen)
    t.ok(
      usher.logs.some((line) => matches(line, event, ['at', 'id'])),
      `${event.event} is in the log too`
    )
})

function matches(event: object, expected: object, but: readonly string[] = []): boolean {
  const all = event as Record<string, unknown>
  return Object.entries(expected)
    .filter(([name]) => !but.includes(name))
    .every(([name, value]) =>
      value instanceof RegExp ? value.test(String(all[name])) : Object.is(all[name], value)
    )
}
