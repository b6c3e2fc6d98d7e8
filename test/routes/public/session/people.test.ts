import { once } from 'node:events'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { until } from '../../../support/until.ts'
import { FRIEND, OWNER, PASSWORD, startTestUsher, type TestUsher } from '../../../support/usher.ts'

const PHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1'
const TELEVISION =
  'Mozilla/5.0 (SMART-TV; LINUX; Tizen 7.0) AppleWebKit/537.36 (KHTML, like Gecko) 94.0.4606.31/7.0 TV Safari/537.36'

interface Listed {
  handle: string
  current: boolean
  account: { id: number; title: string }
  device: { name: string; kind: string }
  network: string
  streams: { kind: string; title: string | null }[]
  apps: { id: string; name: string }[]
}

async function signIn(usher: TestUsher, login: string, userAgent: string) {
  const browser = usher.browser()
  const answer = await browser.post(
    '/session/login',
    { login, password: PASSWORD },
    { 'user-agent': userAgent }
  )
  if (answer.status !== 201) throw new Error(`sign-in answered ${answer.status} ${answer.text}`)
  return browser
}

async function listed(browser: Awaited<ReturnType<typeof signIn>>, query = ''): Promise<Listed[]> {
  const answer = await browser.get(`/session/sessions${query}`)
  return (answer.json as { sessions: Listed[] }).sessions
}

async function stage(t: Test, settings: Record<string, string> = {}) {
  const usher = await startTestUsher(t, { settings })
  const owner = await signIn(usher, OWNER, PHONE)
  const friend = await signIn(usher, FRIEND, TELEVISION)
  return { usher, owner, friend }
}

t.test('everybody sees their own devices, and the owner everybody’s', async (t) => {
  const { usher, owner, friend } = await stage(t)
  const phone = await signIn(usher, FRIEND, PHONE)
  const own = await listed(friend)
  t.match(own, [
    { current: true, device: { kind: 'tv' }, account: { title: 'friend' } },
    { current: false, device: { kind: 'phone', name: 'Safari on iOS' } }
  ])
  t.equal(own.length, 2)
  t.match(own[0]?.network, /^\d+\.\d+\.\d+\.0\/24$/)
  const all = await listed(owner)
  t.equal(all.length, 3)
  t.equal((await listed(owner, `?account=${own[0]?.account.id}`)).length, 2)
  t.strictSame(await listed(friend, `?account=${all.find(({ current }) => current)?.account.id}`), [])
  const text = JSON.stringify(all)
  for (const { session } of usher.core.live.all()) t.notMatch(text, session.id, 'a handle is not an id')
  t.match((await owner.get('/session/sessions')).json, { complete: false }, 'memory: some may be missing')
  t.ok(phone)
})

t.test('a session is ended from another device; somebody else’s is not there', async (t) => {
  const { usher, owner, friend } = await stage(t)
  const phone = await signIn(usher, FRIEND, PHONE)
  const [mine] = (await listed(owner)).filter(({ current }) => current)
  t.equal((await friend.ask(`/session/sessions/${mine?.handle}`, { method: 'DELETE' })).status, 404)
  const target = (await listed(friend)).find(({ current }) => !current)
  t.equal((await friend.ask(`/session/sessions/${target?.handle}`, { method: 'DELETE' })).status, 204)
  t.equal((await phone.get('/session')).status, 401)
  t.equal((await friend.ask(`/session/sessions/${target?.handle}`, { method: 'DELETE' })).status, 404, 'gone')
  t.equal((await friend.get('/session')).status, 200)
  t.equal((await listed(friend)).length, 1)
  await until(() =>
    usher.logs.some(({ event, reason }) => event === 'session.ended' && reason === 'ended_elsewhere')
  )
  const self = (await listed(friend))[0]
  const answer = await friend.ask(`/session/sessions/${self?.handle}`, { method: 'DELETE' })
  t.equal(answer.status, 204)
  t.match(answer.setCookies.join(), /usher=;/, 'one’s own: the cookie goes too')
})

t.test('the owner ends a session, and its film stops', async (t) => {
  const { usher, owner, friend } = await stage(t)
  const { hostname, port } = new URL(usher.publicUrl)
  const socket = connect(Number(port), hostname)
  t.teardown(() => socket.destroy())
  socket.write(
    `GET /pms/library/parts/221639/1745854354/%E5%8D%83%E3%81%A8%E5%8D%83%E5%B0%8B.mkv HTTP/1.1\r\nHost: ${hostname}:${port}\r\nCookie: ${friend.cookie}\r\nSec-Fetch-Site: same-origin\r\n\r\n`
  )
  await once(socket, 'data')
  socket.pause()
  const watching = await until(async () => (await listed(owner)).find(({ streams }) => streams.length > 0))
  t.match(watching, { account: { title: 'friend' }, streams: [{ kind: 'media', title: '千と千尋' }] })
  t.equal((await owner.ask(`/session/sessions/${watching.handle}`, { method: 'DELETE' })).status, 204)
  socket.resume()
  await once(socket, 'close')
})

t.test('what plays is listed by its title, as far as the media server knows it', async (t) => {
  const { usher, owner, friend } = await stage(t)
  const asked = () => usher.simulator.received({ service: 'pms', path: '/status/sessions' }).length
  // Its name says nothing, and its player reports nothing yet.
  const big = '/pms/library/parts/221639/1745854354/file.mkv'
  const { hostname, port } = new URL(usher.publicUrl)
  const socket = connect(Number(port), hostname)
  t.teardown(() => socket.destroy())
  socket.write(
    `GET ${big} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nCookie: ${friend.cookie}\r\nSec-Fetch-Site: same-origin\r\n\r\n`
  )
  await once(socket, 'data')
  socket.pause()
  t.equal(asked(), 0, 'nobody looks')
  const report = '/pms/:/timeline?ratingKey=1002&key=%2Flibrary%2Fmetadata%2F1002&state=playing&time=1'
  t.equal((await friend.ask(report, { method: 'POST' })).status, 200)
  // A list waits a second for its titles, which a busy machine may need.
  const seen = await until(async () =>
    (await listed(owner)).find(({ streams }) => streams.some(({ title }) => title !== null))
  )
  t.match(seen.streams, [{ kind: 'media', title: 'Box film 2' }])
  for (let looks = 0; looks < 5; looks += 1) await listed(owner)
  t.equal(asked(), 1)
  t.match(await listed(friend), [{ streams: [{ title: 'Box film 2' }] }])
})

t.test('people are the owner’s affair', async (t) => {
  const { owner, friend } = await stage(t)
  const id = (await listed(friend))[0]?.account.id
  for (const [method, path] of [
    ['get', '/session/accounts'],
    ['get', '/session/events'],
    ['delete', `/session/accounts/${id}`],
    ['put', `/session/accounts/${id}/block`],
    ['delete', `/session/accounts/${id}/block`]
  ] as const) {
    const answer = await friend.ask(path, { method: method.toUpperCase() })
    t.match(answer, { status: 403, json: { code: 'USHER_SERVER_ACCESS_DENIED' } }, `${method} ${path}`)
  }
  const { accounts } = (await owner.get('/session/accounts')).json as { accounts: { id: number }[] }
  t.match(
    accounts.find((each) => each.id === id),
    { title: 'friend', role: 'shared', blocked: false, sessions: 1 }
  )
  const ended = await owner.ask(`/session/accounts/${id}`, { method: 'DELETE' })
  t.match(ended, { status: 204, setCookies: [] })
  t.equal((await friend.get('/session')).status, 401)
  const self = (await listed(owner))[0]?.account.id
  const left = await owner.ask(`/session/accounts/${self}`, { method: 'DELETE' })
  t.equal(left.status, 204)
  t.match(left.setCookies.join(), /usher=;/, 'one’s own account: the cookie goes too')
})

t.test('a blocked account is out at once, and cannot sign in until it is lifted', async (t) => {
  const { usher, owner, friend } = await stage(t)
  const id = (await listed(friend))[0]?.account.id
  t.equal((await owner.ask(`/session/accounts/${id}/block`, { method: 'PUT' })).status, 204)
  t.equal((await friend.get('/session')).status, 401)
  const refused = await usher.browser().post('/session/login', { login: FRIEND, password: PASSWORD })
  t.match(refused, { status: 403, json: { code: 'USHER_ACCOUNT_BLOCKED' } })
  await until(() => usher.simulator.tokens.living('friend').length === 0, 'the fresh token is signed out')
  const { accounts } = (await owner.get('/session/accounts')).json as { accounts: { id: number }[] }
  t.match(
    accounts.find((each) => each.id === id),
    { title: 'friend', blocked: true, sessions: 0 }
  )
  const self = (await listed(owner))[0]?.account.id
  t.match(await owner.ask(`/session/accounts/${self}/block`, { method: 'PUT' }), { status: 400 })
  t.match((await owner.get('/session/events')).json, {
    events: [
      { event: 'sign_in.refused', accountId: id, code: 'USHER_ACCOUNT_BLOCKED' },
      { event: 'account.blocked', accountId: id, blocked: true }
    ]
  })
  t.equal((await owner.ask(`/session/accounts/${id}/block`, { method: 'DELETE' })).status, 204)
  t.ok(await signIn(usher, FRIEND, PHONE))
})

t.test('a thousand requests write nothing; what changed is written once, in a batch', async (t) => {
  // Before the sign-ins: they note the minute in which somebody was last seen.
  const started = Date.now()
  const { usher, owner, friend } = await stage(t)
  const { store } = usher.core.state
  await listed(owner)
  const calls: string[] = []
  for (const name of ['commit', 'append', 'get', 'find', 'page'] as const) {
    const call = store[name].bind(store) as (...args: unknown[]) => Promise<unknown>
    Object.assign(store, {
      [name]: (...args: unknown[]) => {
        const change = args[0] as { put?: readonly object[] }
        calls.push(name === 'commit' ? `${name} ${change.put?.length ?? 0}` : name)
        return call(...args)
      }
    })
  }
  for (let count = 0; count < 1000; count += 1) {
    const answer = await friend.get('/pms/identity')
    if (answer.status !== 200) throw new Error(`${count}: ${answer.status} ${answer.text}`)
  }
  const minutes = Math.floor(Date.now() / 60_000) - Math.floor(started / 60_000)
  // The friend alone, and only where a minute began meanwhile.
  t.ok(calls.length <= minutes, `${calls.join()} in ${minutes} minutes`)
  calls.length = 0
  const phones = [await signIn(usher, FRIEND, PHONE), await signIn(usher, FRIEND, PHONE)]
  for (const phone of phones) await phone.get('/session')
  await listed(owner)
  const writes = calls.filter((call) => /^commit [1-9]/.test(call))
  t.ok(writes.includes('commit 2') || writes.length <= 3, `one batch for both: ${writes.join()}`)
})

t.test('events are listed newest first, a hundred at a time', async (t) => {
  const { usher, owner } = await stage(t)
  for (let count = 0; count < 120; count += 1)
    usher.core.audit.note('app.told', { client: 'films', accountId: count, attempts: 1 })
  const page = async (before = '') => {
    const answer = await owner.get(`/session/events${before}`)
    return (answer.json as { events: { id: string; accountId: number }[] }).events
  }
  const first = await page()
  t.equal(first.length, 100)
  t.equal(first[0]?.accountId, 119)
  const second = await page(`?before=${first.at(-1)?.id}`)
  t.equal(second[0]?.accountId, 19)
})

t.test('what a session is survives a restart with a state directory', async (t) => {
  const directory = t.testdir({})
  const first = await startTestUsher(t, { settings: { USHER_STATE_DIR: directory } })
  const owner = await signIn(first, OWNER, PHONE)
  await signIn(first, FRIEND, TELEVISION)
  t.equal((await listed(owner)).length, 2)
  await first.stop(0)
  const second = await startTestUsher(t, {
    simulator: first.simulator,
    settings: { ...first.settings, USHER_STATE_DIR: directory }
  })
  const again = second.browser()
  for (const [name, value] of owner.jar) again.jar.set(name, value)
  t.match(await listed(again), [{ current: true }, { account: { title: 'friend' }, device: { kind: 'tv' } }])
})

t.test('an open page is told that its session has ended, but not that the process does', async (t) => {
  const usher = await startTestUsher(t)
  const open = async () => {
    const browser = await signIn(usher, OWNER, PHONE)
    const answer = await fetch(`${usher.publicUrl}/signin/live`, {
      headers: { cookie: browser.cookie, 'sec-fetch-site': 'same-origin' }
    })
    if (answer.status !== 200) throw new Error(`the stream answered ${answer.status}`)
    return { browser, said: answer.text() }
  }
  const [leaving, staying] = [await open(), await open()]
  await leaving.browser.post('/session/logout')
  t.match(await leaving.said, /event: ended/)
  await usher.stop(5000)
  t.notMatch(await staying.said, /event: ended/, 'a reload now would find nobody')
})

/** What an open page is told up to the first change. */
async function readNews(reader: ReadableStreamDefaultReader<string> | undefined): Promise<string> {
  let said = ''
  await until(async () => {
    said += (await reader?.read())?.value ?? ''
    return said.includes('event: changed')
  }, 'the page is told')
  return said
}

t.test('a page whose stream is open misses no change', async (t) => {
  const { usher, owner } = await stage(t)
  const { people } = usher.core
  const { sessions } = people
  const [read, mayGoOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const held: typeof sessions = async (...args) => {
    read.resolve()
    await mayGoOn.promise
    return sessions(...args)
  }
  Object.assign(people, { sessions: held })
  t.teardown(() => void Object.assign(people, { sessions }))
  let isOpen = false
  const stream = fetch(`${usher.publicUrl}/signin/live`, {
    headers: { cookie: owner.cookie, 'sec-fetch-site': 'same-origin' }
  }).finally(() => {
    isOpen = true
  })
  await read.promise
  // A head that had been sent before would be here by now.
  for (let times = 0; times < 3; times += 1) await owner.get('/healthz')
  t.notOk(isOpen, 'not before the lists are read')
  mayGoOn.resolve()
  const reader = (await stream).body?.pipeThrough(new TextDecoderStream()).getReader()
  await signIn(usher, FRIEND, PHONE)
  await readNews(reader)
  await reader?.cancel()
})

t.test('a page that is opened while the lists cannot be read is told of later changes', async (t) => {
  const { usher, owner } = await stage(t)
  const { people } = usher.core
  const { sessions } = people
  let asked = 0
  const away: typeof sessions = async (...args) => {
    asked += 1
    if (asked <= 2) throw new TypeError('away')
    return sessions(...args)
  }
  Object.assign(people, { sessions: away })
  t.teardown(() => void Object.assign(people, { sessions }))
  const stream = await fetch(`${usher.publicUrl}/signin/live`, {
    headers: { cookie: owner.cookie, 'sec-fetch-site': 'same-origin' }
  })
  t.equal(stream.status, 200)
  const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader()
  await until(() => asked > 3, 'the lists are read again')
  await signIn(usher, FRIEND, PHONE)
  const said = await readNews(reader)
  t.equal(said.split('event: changed').length, 2, 'once')
  await reader?.cancel()
})

t.test('a question about a device that has no name does not call it this one', async (t) => {
  const usher = await startTestUsher(t)
  const owner = await signIn(usher, OWNER, PHONE)
  await signIn(usher, FRIEND, 'x')
  await signIn(usher, FRIEND, 'HbbTV')
  const handles = (await listed(owner)).filter(({ current }) => !current)
  t.strictSame(handles.map(({ device }) => device.name).sort(), ['', 'a television'])
  for (const { handle, device } of handles) {
    const { text } = await owner.get(`/signin/people?end=${handle}`, { 'accept-language': 'de' })
    t.match(
      text,
      device.name === '' ? 'auf einem unbekannten Gerät beenden?' : 'auf einem Fernseher beenden?'
    )
  }
  const { text } = await owner.get('/signin/people', { 'accept-language': 'de' })
  t.match(text, /<\/bdi>: Fernseher<\/h2>/)
})
