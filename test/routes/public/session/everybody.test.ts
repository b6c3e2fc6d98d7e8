import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { BOX_ID } from '../../../simulator/servers.ts'
import { startSimulator } from '../../../simulator/simulator.ts'
import { until } from '../../../support/until.ts'
import { FRIEND, OWNER, startTestUsher } from '../../../support/usher.ts'

// Each waits for several rounds of re-checks, for its own Usher.
t.jobs = 6

async function start(t: Test, recheck = '2s') {
  const simulator = await startSimulator()
  t.teardown(() => simulator.close())
  const ownerToken = simulator.tokens.issue('owner', 'the-operator')
  const usher = await startTestUsher(t, {
    simulator,
    settings: { USHER_PLEX_TOKEN: ownerToken, USHER_RECHECK: recheck }
  })
  const asked = (path: string) => simulator.received({ service: 'plex', path }).length
  const people = {
    owner: await usher.signedIn(OWNER),
    friend: await usher.signedIn(FRIEND),
    robin: await usher.signedIn('robin')
  }
  return { simulator, control: simulator, usher, people, asked, ownerToken }
}

t.test('a share that is withdrawn ends exactly that person, by the owner’s two lists', async (t) => {
  const { control, people, asked } = await start(t)
  await until(() => asked('/api/users') > 0)
  const before = asked('/api/v2/resources')
  control.shares.remove('friend', BOX_ID)
  await until(async () => (await people.friend.get('/session')).status === 401)
  t.equal((await people.friend.get('/pms/library/sections')).status, 401)
  for (const browser of [people.owner, people.robin])
    t.equal((await browser.get('/pms/library/sections')).status, 200)
  t.equal(asked('/api/v2/resources'), before, 'nobody was asked one by one')
})

const ODD = '<MediaContainer size="2" totalSize="2"><User id="x"/><User id="1" home="0"/></MediaContainer>'

for (const [name, fault] of [
  ['a truncated list', { kind: 'truncate' }],
  [
    'an empty list',
    { kind: 'status', status: 200, contentType: 'application/xml', body: '<MediaContainer size="0"/>' }
  ],
  ['an odd list', { kind: 'status', status: 200, contentType: 'application/xml', body: ODD }],
  ['no list', { kind: 'server-error' }]
] as const) {
  t.test(`${name} ends nobody`, async (t) => {
    const { control, people, asked } = await start(t)
    const before = asked('/api/users')
    const id = control.faults.set({ service: 'plex', path: '/api/users', ...fault })
    await until(() => asked('/api/users') >= before + 2)
    await delay(200)
    for (const browser of Object.values(people)) t.equal((await browser.get('/session')).status, 200)
    control.faults.clear(id)
    for (const browser of Object.values(people))
      t.equal((await browser.get('/pms/library/sections')).status, 200)
  })
}

t.test('the owner’s token dead: degraded, said once, and each session is asked', async (t) => {
  const { control, usher, people, asked, ownerToken } = await start(t, '6s')
  const readiness = async () => {
    const response = await fetch(`${usher.internalUrl}/readyz`)
    return { status: response.status, text: await response.text() }
  }
  await until(async () => /^owner token: up$/m.test((await readiness()).text))
  t.notMatch((await people.owner.get('/signin/people')).text, /owner-token/)
  control.tokens.revoke(ownerToken)
  await until(async () => /^owner token: down$/m.test((await readiness()).text))
  t.match(await readiness(), { status: 200, text: /^ready\n/ })
  const page = await people.owner.get('/signin/people')
  t.match(page.text, /id="owner-token"[\s\S]*no longer accepts your token[\s\S]*--link-owner/)
  t.notMatch((await people.friend.get('/signin/devices')).text, /owner-token/)
  const before = asked('/api/v2/resources')
  await until(async () => {
    // Slower than the account's limit.
    await delay(400)
    for (const browser of Object.values(people)) t.equal((await browser.get('/session')).status, 200)
    return asked('/api/v2/resources') >= before + 3
  })
  t.equal(usher.logs.filter(({ event }) => event === 'upstream.degraded').length, 1)
  control.shares.remove('friend', BOX_ID)
  await until(async () => {
    await delay(200)
    return (await people.friend.get('/session')).status === 401
  })
  t.equal((await people.robin.get('/session')).status, 200)
})
