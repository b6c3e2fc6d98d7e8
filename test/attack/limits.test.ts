import t from 'tap'
import { createOffsetClock, matchProblem } from '../support/sign-in.ts'
import { until } from '../support/until.ts'
import { FRIEND, OWNER, PASSWORD, startTestUsher } from '../support/usher.ts'

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

t.test('rule 66: a page of another site cannot use up the ration of whoever looks at it', async (t) => {
  const usher = await startTestUsher(t)
  const browser = usher.browser()
  const body = { login: OWNER, password: PASSWORD }
  for (let post = 0; post < 12; post += 1) {
    const crossSite = await browser.post('/session/login', body, { 'sec-fetch-site': 'cross-site' })
    matchProblem(t, crossSite, 403, 'USHER_CROSS_SITE')
  }
  t.equal((await browser.post('/session/login', body)).status, 201)
})

t.test('rule 66: strangers who know a name do not lock out a browser that it signed in with', async (t) => {
  const usher = await startTestUsher(t)
  const known = await usher.signedIn(FRIEND)
  await known.post('/session/logout')
  const right = { login: FRIEND, password: PASSWORD }
  const stranger = () => usher.browser().post('/session/login', { ...right, password: 'wrong' })
  for (let guess = 0; guess < 9; guess += 1)
    matchProblem(t, await stranger(), 401, 'USHER_CREDENTIALS_REJECTED')
  matchProblem(t, await stranger(), 429, 'USHER_RATE_LIMITED')
  matchProblem(t, await usher.browser().post('/session/login', right), 429, 'USHER_RATE_LIMITED')
  t.equal((await known.post('/session/login', right)).status, 201)
})

t.test('rule 66: who has an account here gets no fresh ration with each fresh browser', async (t) => {
  const usher = await startTestUsher(t)
  const statuses: number[] = []
  for (let fresh = 0; fresh < 3; fresh += 1) {
    const browser = await usher.signedIn(FRIEND)
    for (let guess = 0; guess < 4; guess += 1) {
      const login = `guess-${fresh}-${guess}@example.com`
      statuses.push((await browser.post('/session/login', { login, password: 'x' })).status)
    }
  }
  t.strictSame(statuses, [...Array(5).fill(401), ...Array(7).fill(429)])
})

t.test('rule 66: a refusal of plex.tv in words not known counts as a failure too', async (t) => {
  const usher = await startTestUsher(t)
  const refusal = { kind: 'status', status: 401, body: '<h1>No</h1>', contentType: 'text/html' } as const
  usher.simulator.faults.set({ service: 'plex', path: '/api/v2/users/signin', ...refusal })
  const statuses: number[] = []
  for (let guess = 0; guess < 14; guess += 1) {
    const login = `guess-${guess}@example.com`
    statuses.push((await usher.browser().post('/session/login', { login, password: 'x' })).status)
  }
  t.strictSame(statuses, [...Array(12).fill(502), 429, 429])
})
