import t from 'tap'
import { BIG_PART, CHANGE_STAMP } from '../../simulator/pms/catalogue.ts'
import { until } from '../../support/until.ts'
import { FRIEND, OWNER, startTestUsher, type TestUsher } from '../../support/usher.ts'

/** A series of /metrics; undefined if there is none. */
async function value(usher: TestUsher, series: string): Promise<number | undefined> {
  const text = await (await fetch(`${usher.internalUrl}/metrics`)).text()
  const line = text.split('\n').find((each) => each.startsWith(`${series} `))
  return line === undefined ? undefined : Number(line.slice(series.length + 1))
}

t.test('sessions, refusals and bytes are counted', async (t) => {
  const usher = await startTestUsher(t)
  const owner = await usher.signedIn(OWNER)
  const friend = await usher.signedIn(FRIEND)
  for (const browser of [owner, friend]) await browser.get('/session')
  t.equal(await value(usher, 'usher_live_sessions'), 2)
  await friend.post('/session/logout')
  t.equal(await value(usher, 'usher_live_sessions'), 1)

  t.equal((await owner.get('/pms/security/token')).status, 403)
  t.equal((await usher.browser().get('/session')).status, 401)
  t.equal(await value(usher, 'usher_refusals_total{listener="public",code="USHER_PATH_DENIED"}'), 1)
  t.equal(await value(usher, 'usher_refusals_total{listener="public",code="USHER_SESSION_REQUIRED"}'), 1)

  const before = (await value(usher, 'usher_sent_bytes_total{listener="public"}')) ?? 0
  const path = `/pms/library/parts/${BIG_PART}/${CHANGE_STAMP}/big.mkv`
  t.equal((await owner.get(path, { range: 'bytes=0-999999' })).status, 206)
  const sent = ((await value(usher, 'usher_sent_bytes_total{listener="public"}')) ?? 0) - before
  t.ok(sent > 1_000_000 && sent < 1_020_000, `${sent} bytes`)
  t.equal(await value(usher, 'usher_media_server_requests{class="media",state="running"}'), 0)
  t.match(
    await (await fetch(`${usher.internalUrl}/metrics`)).text(),
    /^usher_build_info\{version="[^"]+",node="[^"]+"\} 1$/m
  )
})

t.test('what Usher relies on is seen going and coming, without traffic', async (t) => {
  const usher = await startTestUsher(t)
  const server = 'usher_dependency_up{dependency="media_server"}'
  await until(async () => (await value(usher, server)) === 1)
  t.equal(await value(usher, 'usher_dependency_up{dependency="owner_token"}'), undefined, 'not configured')
  t.equal(await value(usher, 'usher_dependency_up{dependency="store"}'), undefined, 'in the process')
  await usher.simulator.pmsDown()
  await until(async () => (await value(usher, server)) === 0)
  await usher.simulator.pmsUp()
  await until(async () => (await value(usher, server)) === 1)
})

t.test('calls to a store outside the process are timed', async (t) => {
  const usher = await startTestUsher(t, { settings: { USHER_STATE_DIR: t.testdir() } })
  await usher.signedIn()
  t.ok(await value(usher, 'usher_store_request_duration_seconds_count{operation="page",outcome="ok"}'))
  t.equal(await value(usher, 'usher_dependency_up{dependency="store"}'), 1)
})
