import { Agent, request as httpRequest } from 'node:http'
import { decodeProtectedHeader } from 'jose'
import t from 'tap'
import { generateKey } from '../../../../src/app/commands.ts'
import { COOKIE_MAX_BYTES } from '../../../../src/session/cookie/cookie.ts'
import { sessionCodec } from '../../../../src/session/cookie/sealed-session.ts'
import { sampleSeal, sampleSession } from '../../../src/session/sample.ts'
import { OWNER, PASSWORD, startTestUsher } from '../../../support/usher.ts'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/%!~'

t.test(
  'rule 1: ten thousand altered cookies over HTTP are all refused and cleared, and none is a 500',
  async (t) => {
    const usher = await startTestUsher(t)
    const browser = await usher.signedIn()
    const value = browser.jar.get('usher') ?? ''
    const agent = new Agent({ keepAlive: true, maxSockets: 16 })
    t.teardown(() => agent.destroy())
    const cookies = Array.from({ length: 10_000 }, (_, count) => {
      const index = (count * 7919) % value.length
      const character = ALPHABET[(ALPHABET.indexOf(value[index] ?? '') + 1 + (count % 60)) % ALPHABET.length]
      return value.slice(0, index) + character + value.slice(index + 1)
    }).filter((altered) => altered !== value)
    t.ok(cookies.length > 9900)
    const seen: Record<string, number> = {}
    let next = 0
    async function work(): Promise<void> {
      while (next < cookies.length) {
        const count = next++
        const answer = await poll(agent, usher.publicUrl, `usher=${cookies[count]}`, count)
        seen[answer] = (seen[answer] ?? 0) + 1
      }
    }
    await Promise.all(Array.from({ length: 16 }, work))
    t.strictSame(seen, { '401 USHER_SESSION_INVALID cleared': cookies.length })
    t.equal((await browser.get('/session')).status, 200, 'the cookie itself still opens')
  }
)

function poll(agent: Agent, base: string, cookie: string, count: number): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const headers = {
    cookie,
    'x-forwarded-for': `10.${(count >> 16) & 255}.${(count >> 8) & 255}.${count & 255}`
  }
  const request = httpRequest(`${base}/session`, { agent, headers }, (response) => {
    let text = ''
    response.setEncoding('utf8')
    response.on('data', (chunk: string) => {
      text += chunk
    })
    response.on('end', () => {
      const { code } = JSON.parse(text) as { code?: string }
      const cleared = response.headers['set-cookie']?.some((line) => /^usher=;.*Max-Age=0/i.test(line))
      resolve(`${response.statusCode} ${code}${cleared ? ' cleared' : ''}`)
    })
  })
  request.on('error', reject)
  request.end()
  return promise
}

t.test(
  'rule 8: a rotation in three restarts signs nobody out, and each restart seals again with its newest key',
  async (t) => {
    const first = await startTestUsher(t)
    const { simulator } = first
    const key = (kid: string) => generateKey(Date.now()).replace(/^[^:]+/, kid)
    const [a = '', b = ''] = [first.settings['USHER_SESSION_KEYS'], key('newer')]
    const browser = await first.signedIn()
    const keep = { USHER_PUBLIC_URL: 'http://127.0.0.1:1', USHER_PMS_URL: simulator.pmsUrl }
    const sealedBy = (jar: ReadonlyMap<string, string>) => decodeProtectedHeader(jar.get('usher') ?? '').kid

    // The public URL is the same at every start: sealed values are bound to it.
    const settings = { ...keep, USHER_SESSION_KEYS: a }
    const one = await startTestUsher(t, { simulator, settings })
    const signedIn = await one.signedIn()
    const oldest = sealedBy(signedIn.jar)
    await one.stop(0)

    const two = await startTestUsher(t, { simulator, settings: { ...keep, USHER_SESSION_KEYS: `${b},${a}` } })
    const second = two.browser()
    second.jar.set('usher', signedIn.jar.get('usher') ?? '')
    const answer = await second.get('/session')
    t.equal(answer.status, 200)
    t.equal(sealedBy(second.jar), 'newer')
    t.not(oldest, 'newer')
    t.equal((await second.get('/session')).setCookies.length, 0, 'and then no more')
    const old = two.browser()
    old.jar.set('usher', signedIn.jar.get('usher') ?? '')
    t.equal((await old.get('/session?slide=false')).status, 200, 'the old value goes on opening')
    await two.stop(0)

    const three = await startTestUsher(t, { simulator, settings: { ...keep, USHER_SESSION_KEYS: b } })
    const last = three.browser()
    last.jar.set('usher', second.jar.get('usher') ?? '')
    t.match((await last.get('/session')).json, { account: { email: OWNER } })
    const retired = three.browser()
    retired.jar.set('usher', signedIn.jar.get('usher') ?? '')
    const refused = await retired.get('/session')
    t.equal(refused.status, 401)
    t.equal(refused.json.code, 'USHER_SESSION_INVALID')
    t.equal(retired.jar.has('usher'), false)
    t.equal((await browser.get('/session')).status, 200)
  }
)

t.test(
  'two Ushers with the same keys read each other’s cookies, and two with other keys do not',
  async (t) => {
    const settings = { USHER_PUBLIC_URL: 'http://127.0.0.1:1', USHER_SESSION_KEYS: generateKey(Date.now()) }
    const one = await startTestUsher(t, { settings })
    const { simulator } = one
    const two = await startTestUsher(t, { simulator, settings })
    const foreign = await startTestUsher(t, {
      simulator,
      settings: { USHER_PUBLIC_URL: 'http://127.0.0.1:1' }
    })
    const elsewhere = await startTestUsher(t, {
      simulator,
      settings: { ...settings, USHER_PUBLIC_URL: 'http://127.0.0.1:2' }
    })
    const signedIn = await one.signedIn()
    for (const [usher, status] of [
      [two, 200],
      [foreign, 401],
      [elsewhere, 401]
    ] as const) {
      const browser = usher.browser()
      for (const [name, value] of signedIn.jar) browser.jar.set(name, value)
      t.equal((await browser.get('/session')).status, status)
    }
    const back = two.browser()
    await back.post('/session/login', { login: OWNER, password: PASSWORD })
    const browser = one.browser()
    for (const [name, value] of back.jar) browser.jar.set(name, value)
    t.equal((await browser.get('/session')).status, 200)
  }
)

t.test(
  'rule 13: the longest account there is, with a Home member’s token beside it, fits a cookie',
  async (t) => {
    const usher = await startTestUsher(t)
    const unicode = usher.simulator.accounts.list().find(({ key }) => key === 'unicode')
    const browser = await usher.signedIn(unicode?.login ?? '')
    const view = (await browser.get('/session')).json
    t.equal(view.account.id, 9_007_199_254_740_991)
    t.ok(unicode?.username.startsWith(view.account.username), 'cut between two characters, not within one')
    t.ok(Buffer.byteLength(view.account.username) > 190)
    t.ok((browser.jar.get('usher') ?? '').length + 'usher='.length <= COOKIE_MAX_BYTES)
    t.ok(browser.cookie.length <= COOKIE_MAX_BYTES, `all three are ${browser.cookie.length} bytes`)
    const longest = '漢'.repeat(200)
    const session = sampleSession({
      account: {
        id: Number.MAX_SAFE_INTEGER,
        uuid: 'f'.repeat(64),
        username: longest,
        title: longest,
        email: `${'e'.repeat(250)}@x.y`,
        emailVerified: true,
        restricted: true
      },
      accountToken: 'x'.repeat(64),
      serverToken: 'y'.repeat(64),
      server: {
        name: '🎬'.repeat(50),
        machineIdentifier: 'm'.repeat(64),
        uri: `https://${'h'.repeat(80)}.plex.direct:32400`
      },
      homeAdmin: {
        accountId: 2 ** 53 - 1,
        uuid: 'f'.repeat(64),
        token: 'z'.repeat(64),
        clientIdentifier: 'c'.repeat(36)
      }
    })
    const value = sampleSeal().seal('session', sessionCodec.encode(session))
    t.ok(value.length + NAME_BYTES <= COOKIE_MAX_BYTES, `${value.length} characters`)
  }
)

const NAME_BYTES = '__Host-usher='.length
