import t from 'tap'
import { createOffsetClock, matchProblem, until } from '../session/support.ts'
import { startTestUsher } from '../support/usher.ts'

t.test('rule 66: a port behind a forwarded address makes no other address of it', async (t) => {
  const usher = await startTestUsher(t)
  const guess = { login: 'nobody', password: 'wrong' }
  for (const [toAddress, name] of [
    [(port: number) => `203.0.113.7:${port}`, 'IPv4'],
    [(port: number) => `[2001:db8::${port}]:${port}`, 'IPv6']
  ] as const) {
    const statuses: number[] = []
    for (let port = 5000; port < 5011; port += 1) {
      const headers = { 'x-forwarded-for': toAddress(port) }
      statuses.push((await usher.browser().post('/session/pin', { kind: 'link' }, headers)).status)
    }
    t.equal(statuses.at(-1), 429, `${name}: ${statuses}`)
    const headers = { 'x-forwarded-for': toAddress(6000) }
    matchProblem(
      t,
      await usher.browser().post('/session/login', guess, headers),
      401,
      'USHER_CREDENTIALS_REJECTED'
    )
  }
})

t.test('rule 66: what a browser has Usher ask plex.tv is limited as well', async (t) => {
  const usher = await startTestUsher(t)
  const browser = await usher.signedIn()
  const asked = await Promise.all(Array.from({ length: 620 }, () => browser.get('/plex/api/v2/nothing')))
  t.ok(asked.filter(({ status }) => status === 429).length >= 20)
  matchProblem(t, await browser.get('/plex/api/v2/user'), 429, 'USHER_RATE_LIMITED')
  t.equal((await browser.get('/pms/library/sections')).status, 200, 'the media server is another matter')
})

t.test('rule 23: no number in a refusal of plex.tv makes the re-check end a session', async (t) => {
  const clock = createOffsetClock()
  const usher = await startTestUsher(t, { now: clock.now, settings: { USHER_RECHECK: '1m' } })
  const { simulator } = usher
  for (const code of [1001, 1003, 1020, 1028, 1029, 1030, 1031, 1041]) {
    const browser = await usher.signedIn()
    clock.advance(120_000)
    simulator.clearReceived()
    const fault = simulator.faults.set({
      service: 'plex',
      path: '/api/v2/user',
      kind: 'status',
      status: 403,
      body: JSON.stringify({ errors: [{ code, message: 'no', status: 403 }] }),
      contentType: 'application/json'
    })
    await browser.get('/session')
    await until(() => usher.logs.some(({ msg }) => String(msg).startsWith('re-check failed')))
    usher.logs.length = 0
    simulator.faults.clear(fault)
    t.equal((await browser.get('/session')).status, 200, `${code}`)
    t.equal((await browser.post('/session/logout')).status, 204)
  }
})
