import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import t from 'tap'
import type { Browser } from '../support/browser.ts'
import { matchProblem } from '../support/sign-in.ts'
import { until } from '../support/until.ts'
import { FRIEND, OWNER, PASSWORD, startTestUsher, type TestUsher } from '../support/usher.ts'

const OWNER_ID = 13_692_262
const FRIEND_ID = 7_654_321
/** Without a media server of its own; the simulator lists servers that the owner owns. */
const ANYONE = { USHER_PMS_URL: undefined, USHER_ACCESS: 'anyone' }

async function choose(usher: TestUsher, browser: Browser, name: string) {
  const list = (await browser.get('/session/servers')).json as { name: string; machineIdentifier: string }[]
  const machineIdentifier = list.find((server) => server.name === name)?.machineIdentifier ?? ''
  usher.simulator.clearReceived()
  return browser.ask('/session/server', { method: 'PUT', body: JSON.stringify({ machineIdentifier }) })
}

t.test('rule 75: the owner of some server has no role before apps', async (t) => {
  const usher = await startTestUsher(t, { settings: ANYONE })
  const stranger = await usher.signedIn(OWNER)
  t.match((await choose(usher, stranger, 'Box')).json, { role: 'owner' })
  const verified = await stranger.get('/session/verify')
  t.equal(verified.status, 204)
  t.equal(verified.headers['remote-groups'], 'none')
  for (const role of ['owner', 'home', 'shared', 'none', 'x'])
    matchProblem(
      t,
      await stranger.get(`/session/verify?role=${role}`),
      403,
      'USHER_SERVER_ACCESS_DENIED',
      role
    )
  t.equal((await stranger.get('/pms/library/sections')).status, 200, 'below /pms the role counts')

  const configured = await startTestUsher(t, { simulator: usher.simulator })
  const owner = await configured.signedIn(OWNER)
  const known = await owner.get('/session/verify?role=owner')
  t.strictSame([known.status, known.headers['remote-groups']], [204, 'owner'])
})

t.test('rule 76: a server of somebody’s own leads to no address inside the network', async (t) => {
  const usher = await startTestUsher(t, { settings: ANYONE })
  const stranger = await usher.signedIn(OWNER)
  const list = (await stranger.get('/session/servers')).json as { name: string; machineIdentifier: string }[]
  const box = list.find(({ name }) => name === 'Box')?.machineIdentifier ?? ''
  const tried = new Set<string>()
  const see = (message: unknown) =>
    void (message as { socket: Socket }).socket.on('connectionAttempt', (address: string) =>
      tried.add(address)
    )
  subscribe('net.client.socket', see)
  t.teardown(() => unsubscribe('net.client.socket', see))
  for (const address of [
    '10.0.0.7',
    '172.16.0.1',
    '192.168.1.1',
    '100.64.0.1',
    '169.254.169.254',
    '[fd00::1]',
    '[fe80::1]'
  ]) {
    const connection = {
      uri: `http://${address}:32400`,
      protocol: 'http',
      address: address.replace(/[[\]]/g, ''),
      port: 32400,
      local: true,
      relay: false,
      IPv6: address.startsWith('[')
    } as const
    usher.simulator.servers.setConnections(box, [connection])
    matchProblem(t, await choose(usher, stranger, 'Box'), 503, 'USHER_UPSTREAM_UNREACHABLE', address)
    t.strictSame([...tried], ['127.0.0.1'], `${address} was not tried`)
  }
})

t.test('USHER_ALLOWED_ACCOUNTS narrows who signs in, and signs the token of others out', async (t) => {
  const first = await startTestUsher(t, { settings: { USHER_ALLOWED_ACCOUNTS: String(OWNER_ID) } })
  const { simulator } = first
  await first.signedIn(OWNER)
  const refused = await first.browser().post('/session/login', { login: FRIEND, password: PASSWORD })
  matchProblem(t, refused, 403, 'USHER_ACCOUNT_BLOCKED')
  t.strictSame(
    refused.setCookies.filter((line) => line.startsWith('usher=')),
    []
  )
  await until(() => simulator.tokens.living('friend').length === 0)
  const named = await startTestUsher(t, {
    simulator,
    settings: { USHER_ALLOWED_ACCOUNTS: FRIEND.toUpperCase() }
  })
  await named.signedIn(FRIEND)
  const warning = named.core.config.warnings.join()
  t.match(warning, 'USHER_ALLOWED_ACCOUNTS has usernames or e-mail addresses')
  const owner = await named.browser().post('/session/login', { login: OWNER, password: PASSWORD })
  matchProblem(t, owner, 403, 'USHER_ACCOUNT_BLOCKED', 'nobody else, not even the owner')
})

t.test('an account that is taken off USHER_ALLOWED_ACCOUNTS is out at its next re-check', async (t) => {
  let skew = 0
  const now = () => Date.now() + skew
  const settings = { USHER_ALLOWED_ACCOUNTS: `${OWNER_ID},${FRIEND_ID}` }
  const before = await startTestUsher(t, { now, settings })
  const friend = await before.signedIn(FRIEND)
  const after = await startTestUsher(t, {
    now,
    simulator: before.simulator,
    settings: { ...before.settings, ...settings, USHER_PORT: '0', USHER_ALLOWED_ACCOUNTS: String(OWNER_ID) }
  })
  const moved = after.browser()
  for (const [name, value] of friend.jar) moved.jar.set(name, value)
  skew = 3_600_000
  await until(async () => (await moved.get('/session')).status === 401)
  await until(() => before.simulator.tokens.living('friend').length === 0)
})
