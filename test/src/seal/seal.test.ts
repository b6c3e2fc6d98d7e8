import { hkdfSync } from 'node:crypto'
import { Agent, request as httpRequest } from 'node:http'
import { CompactEncrypt, compactDecrypt, decodeProtectedHeader } from 'jose'
import t from 'tap'
import { generateKey } from '../../../src/app/commands.ts'
import { createKeyRing, type KeyRing } from '../../../src/seal/key-ring.ts'
import { createSeal, type Purpose } from '../../../src/seal/seal.ts'
import {
  COOKIE_MAX_BYTES,
  cookieAttributes,
  cookieNames,
  findCookie,
  findCookies,
  findOpening,
  hostCookieAttributes,
  sealBinding,
  sealScope
} from '../../../src/session/cookie/cookie.ts'
import { sessionCodec } from '../../../src/session/cookie/sealed-session.ts'
import { deviceCodec } from '../../../src/session/sign-in/device.ts'
import { signInsCodec } from '../../../src/session/sign-in/sign-in.ts'
import { OWNER, PASSWORD, startTestUsher } from '../../support/usher.ts'
import { NOW, sampleKey, sampleSeal, sampleSession } from '../session/sample.ts'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ %!~'
const PURPOSES: readonly Purpose[] = ['session', 'signin', 'device', 'assertion', 'scoped']

t.test('rule 1: no change of one character anywhere in a sealed value opens it', async (t) => {
  const seal = sampleSeal()
  const value = seal.seal('session', sessionCodec.encode(sampleSession()))
  let tried = 0
  let accepted = 0
  for (let index = 0; index < value.length; index += 1) {
    for (const character of ALPHABET) {
      if (character === value[index]) continue
      tried += 1
      const altered = value.slice(0, index) + character + value.slice(index + 1)
      if (typeof seal.unseal('session', altered) !== 'string') accepted += 1
    }
  }
  t.ok(tried > 10_000, `${tried} alterations`)
  t.equal(accepted, 0)
  t.equal(typeof seal.unseal('session', value), 'object', 'the value itself opens')
})

t.test('rule 1: no insertion, removal, truncation or padding opens a sealed value', async (t) => {
  const seal = sampleSeal()
  const value = seal.seal('session', sessionCodec.encode(sampleSession()))
  const altered: string[] = ['', '.', '....', '.....', `${value}.`, `.${value}`, `${value}=`, `${value}==`]
  for (let index = 0; index <= value.length; index += 1) {
    altered.push(value.slice(0, index) + value.slice(index + 1))
    altered.push(`${value.slice(0, index)}A${value.slice(index)}`)
    altered.push(`${value.slice(0, index)} ${value.slice(index)}`)
    if (index < value.length) altered.push(value.slice(0, index), value.slice(index + 1))
  }
  const opened = altered.filter((text) => text !== value && typeof seal.unseal('session', text) !== 'string')
  t.strictSame(opened, [])
  t.equal(seal.unseal('session', 'A'.repeat(1_000_000)), 'malformed')
})

t.test('rule 2: another spelling of the same bytes is refused before anything is decrypted', async (t) => {
  const keys = [sampleKey('k1')]
  const derivations: string[] = []
  const ring = createKeyRing(keys)
  const counting: KeyRing = {
    ...ring,
    derive: (...input) => {
      derivations.push(input[0])
      return ring.derive(...input)
    }
  }
  const seal = createSeal(ring, (purpose) => purpose)
  const reader = createSeal(counting, (purpose) => purpose)
  let spellings = 0
  for (let length = 0; length < 12; length += 1) {
    const value = seal.seal('session', 'x'.repeat(length))
    const parts = value.split('.')
    for (const [index, part] of parts.entries()) {
      if (part === '') continue
      for (const last of ALPHABET) {
        const twin = part.slice(0, -1) + last
        const same = Buffer.from(twin, 'base64url').equals(Buffer.from(part, 'base64url'))
        if (twin === part || !same) continue
        spellings += 1
        t.equal(reader.unseal('session', parts.with(index, twin).join('.')), 'malformed')
      }
      t.equal(reader.unseal('session', parts.with(index, `${part}=`).join('.')), 'malformed')
      t.equal(reader.unseal('session', parts.with(index, `${part}%`).join('.')), 'malformed')
      t.equal(reader.unseal('session', parts.with(index, ` ${part}`).join('.')), 'malformed')
    }
  }
  t.ok(spellings > 30, `${spellings} twins tried`)
  t.strictSame(derivations, [], 'no key was derived for any of them')
})

t.test(
  'rule 3: a tag of less or more than 16 bytes is refused, even where its beginning is right',
  async (t) => {
    const seal = sampleSeal()
    const parts = seal.seal('session', 'value').split('.')
    const tag = Buffer.from(parts[4] ?? '', 'base64url')
    t.equal(tag.length, 16)
    for (let bytes = 0; bytes < 16; bytes += 1) {
      const short = tag.subarray(0, bytes).toString('base64url')
      t.equal(seal.unseal('session', parts.with(4, short).join('.')), 'malformed', `${bytes} bytes`)
    }
    const long = Buffer.concat([tag, tag]).toString('base64url')
    t.equal(seal.unseal('session', parts.with(4, long).join('.')), 'malformed')
    const iv = Buffer.from(parts[2] ?? '', 'base64url')
    for (const other of [iv.subarray(1), Buffer.concat([iv, iv]), Buffer.alloc(0)]) {
      t.equal(seal.unseal('session', parts.with(2, other.toString('base64url')).join('.')), 'malformed')
    }
  }
)

t.test(
  'rule 4: 100,000 seals have as many nonces, under a salt of 192 bits that each process draws anew',
  async (t) => {
    const keys = [sampleKey('k1')]
    const seal = sampleSeal({ keys })
    const nonces = new Set<string>()
    const headers = new Set<string>()
    for (let count = 0; count < 100_000; count += 1) {
      const [header = '', , iv = ''] = seal.seal('session', 0).split('.')
      nonces.add(iv)
      headers.add(header)
    }
    t.equal(nonces.size, 100_000)
    t.equal(headers.size, 1)
    const saltOf = (value: string) => decodeProtectedHeader(value)['salt'] as string
    const salts = new Set<string>()
    for (const purpose of PURPOSES) salts.add(saltOf(seal.seal(purpose, 0)))
    for (let process = 0; process < 50; process += 1)
      salts.add(saltOf(sampleSeal({ keys }).seal('session', 0)))
    t.equal(salts.size, PURPOSES.length + 50, 'each purpose and each process has its own')
    for (const salt of salts) t.equal(Buffer.from(salt, 'base64url').length, 24)
  }
)

t.test('rule 5: a value opens under its own purpose, cookie name and binding only', async (t) => {
  const keys = [sampleKey('k1')]
  const seal = sampleSeal({ keys })
  for (const made of PURPOSES) {
    const value = seal.seal(made, ['content'])
    for (const read of PURPOSES) {
      const opened = seal.unseal(read, value)
      if (made === read) t.match(opened, { value: ['content'], kid: 'k1', newest: true })
      else t.equal(opened, 'forged', `${made} as ${read}`)
    }
    for (const binding of ['https://usher.example/base', 'http://usher.example', 'usher.example', '']) {
      t.equal(sampleSeal({ keys, binding }).unseal(made, value), 'forged', `${made} at ${binding}`)
    }
  }
  const renamed = {
    session: '__Host-usher-b',
    signin: '__Host-usher-b-signin',
    device: '__Host-usher-b-device'
  }
  const other = sampleSeal({ keys, names: renamed })
  for (const purpose of ['session', 'signin', 'device'] as const) {
    t.equal(other.unseal(purpose, seal.seal(purpose, 1)), 'forged', `${purpose} under another name`)
  }
})

t.test('rule 6: every purpose, salt, key and binding derives a cipher key of its own', async (t) => {
  const [first, second] = [sampleKey('k1'), sampleKey('k2')]
  const salt = Buffer.alloc(24, 1)
  const keys = new Set<string>()
  for (const binding of ['https://a.example', 'https://b.example']) {
    const ring = createKeyRing([first, second])
    for (const kid of ring.kids) {
      for (const purpose of PURPOSES) {
        for (const each of [salt, Buffer.alloc(24, 2)]) {
          const key = ring.derive(kid, `${purpose} ${binding}`, each)
          t.equal(key?.length, 32)
          t.not(key?.equals(first.secret), true, 'never the input itself')
          keys.add(key?.toString('hex') ?? '')
        }
      }
    }
  }
  t.equal(keys.size, 2 * 2 * PURPOSES.length * 2)
  t.throws(() => createKeyRing([]), TypeError)
})

t.test(
  'rule 7: with ten keys a value costs one derivation, one for an unknown kid too, and none when repeated',
  async (t) => {
    const keys = Array.from({ length: 10 }, (_, index) => sampleKey(`k${index}`))
    const ring = createKeyRing(keys)
    const asked: string[] = []
    const counting: KeyRing = {
      ...ring,
      derive: (kid, ...rest) => {
        asked.push(kid)
        return ring.derive(kid, ...rest)
      }
    }
    const reader = createSeal(counting, (purpose) => purpose)
    const oldest = createKeyRing(keys.slice(9))
    const value = createSeal(oldest, (purpose) => purpose).seal('session', 'old')
    t.match(reader.unseal('session', value), { value: 'old', kid: 'k9', newest: false })
    t.strictSame(asked.splice(0), ['k9'])
    reader.unseal('session', value)
    t.strictSame(asked.splice(0), [], 'the derived key is remembered')
    const foreign = createSeal(createKeyRing([sampleKey('zz')]), (purpose) => purpose).seal('session', 1)
    t.equal(reader.unseal('session', foreign), 'unknown_key')
    t.strictSame(asked.splice(0), ['zz'])
    const imposter = createSeal(createKeyRing([sampleKey('k3')]), (purpose) => purpose).seal('session', 1)
    t.equal(reader.unseal('session', imposter), 'forged', 'a known kid with another secret')
    t.strictSame(asked.splice(0), ['k3'])
  }
)

t.test(
  'which key a value names is told without opening it, and to nobody who asks with nonsense',
  async (t) => {
    const [old, fresh] = [sampleKey('a'), sampleKey('b')]
    const seal = sampleSeal({ keys: [fresh, old] })
    t.equal(seal.ageOf(seal.seal('device', 1)), 'newest')
    t.equal(seal.ageOf(sampleSeal({ keys: [old] }).seal('device', 1)), 'older')
    t.equal(seal.ageOf(sampleSeal({ keys: [sampleKey('c')] }).seal('device', 1)), null)
    const value = seal.seal('device', 1)
    for (const odd of [
      '',
      '.',
      'x',
      value.replaceAll('.', ''),
      `A${value}`,
      `${'A'.repeat(300)}${value.slice(9)}`
    ])
      t.equal(seal.ageOf(odd), null)
  }
)

t.test('rule 8: older keys open and say so; a removed key does not', async (t) => {
  const [old, middle, fresh] = [sampleKey('a'), sampleKey('b'), sampleKey('c')]
  const value = sampleSeal({ keys: [old] }).seal('session', 'kept')
  t.match(sampleSeal({ keys: [old] }).unseal('session', value), { newest: true })
  t.match(sampleSeal({ keys: [middle, old] }).unseal('session', value), { value: 'kept', newest: false })
  t.match(sampleSeal({ keys: [fresh, middle, old] }).unseal('session', value), { newest: false })
  t.equal(sampleSeal({ keys: [fresh, middle] }).unseal('session', value), 'unknown_key')
})

t.test(
  'rule 10: another version or shape is no session, and foreign members and prototypes count for nothing',
  async (t) => {
    const session = sampleSession({
      homeAdmin: { accountId: 7, uuid: 'u', token: 'admin', clientIdentifier: 'c' }
    })
    const good = sessionCodec.encode(session)
    t.strictSame(
      sessionCodec.decode(JSON.parse(JSON.stringify(good))),
      session,
      'a round trip changes nothing'
    )
    t.strictSame(sessionCodec.decode([...good, 'a later member']), session)
    const shared = sampleSession({ role: 'shared', serverToken: 'another' })
    t.strictSame(sessionCodec.decode(sessionCodec.encode(shared)), shared)
    const none = sampleSession({ role: 'none', server: null, serverToken: null })
    t.strictSame(sessionCodec.decode(sessionCodec.encode(none)), none)
    for (const value of [
      null,
      undefined,
      1,
      'text',
      {},
      [],
      [1],
      [3, ...good.slice(1)],
      ['2', ...good.slice(1)],
      { 0: 1, length: 20 }
    ]) {
      t.equal(sessionCodec.decode(value), null)
    }
    for (let index = 0; index < good.length; index += 1) {
      for (const wrong of [{}, [], Number.NaN, 1.5, undefined]) {
        t.equal(sessionCodec.decode(good.with(index, wrong)), null, `${JSON.stringify(wrong)} at ${index}`)
      }
      t.equal(sessionCodec.decode(good.slice(0, index)), null, `cut off at ${index}`)
    }
    const polluted = JSON.parse('[1, {"__proto__": {"polluted": true}}]') as unknown
    t.equal(sessionCodec.decode(polluted), null)
    t.equal(({} as Record<string, unknown>)['polluted'], undefined)
    const signIn = {
      pinId: 7,
      code: 'ABCD',
      clientIdentifier: 'cid',
      returnTo: '/',
      kind: 'link',
      expiresAt: NOW,
      tabs: 2
    } as const
    const both = [signIn, { ...signIn, pinId: 8, kind: 'redirect' }] as const
    t.strictSame(signInsCodec.decode(signInsCodec.encode(both)), both)
    t.strictSame(signInsCodec.decode([2]), [])
    for (const odd of [
      [1, 1, 'c', 'cid', '/', 'elsewhere', NOW],
      [1, '1', 'c', 'cid', '/', 'link', NOW],
      [1, 1, 'c', 7, '/', 'link', NOW],
      [2, [1, 'c', 'cid', '/', 'link', NOW]],
      [2, signIn],
      [2, 1, 'c', 'cid', '/', 'link', NOW, 1],
      [3, [1, 'c', 'cid', '/', 'link', NOW, 1]],
      {}
    ]) {
      t.equal(signInsCodec.decode(odd), null, JSON.stringify(odd))
    }
    t.equal(deviceCodec.decode([1, 7, true]), null)
    t.equal(deviceCodec.decode([2, 'cid', true]), null)
    const device = { clientIdentifier: 'cid', knownAs: null, lentUntil: 0 }
    t.strictSame(deviceCodec.decode([1, 'cid', 'yes']), device, 'a cookie of before identifiers were lent')
    t.strictSame(deviceCodec.decode([1, 'cid', true, 'x']), device)
    t.strictSame(deviceCodec.decode([1, 'cid', 12, 7]), { ...device, knownAs: 12, lentUntil: 7 })
  }
)

t.test('rule 10: what is sealed but is not JSON, or is longer than a cookie, does not open', async (t) => {
  const key = sampleKey('k1')
  const seal = sampleSeal({ keys: [key] })
  const salt = Buffer.alloc(24, 7)
  const value = await joseSeal(key.secret, salt, '{"half":')
  t.equal(seal.unseal('session', value), 'forged')
  t.equal(seal.unseal('session', seal.seal('session', 'x'.repeat(4000))), 'malformed')
})

function joseKey(secret: Buffer, salt: Buffer): Uint8Array {
  const info = 'usher/1 session __Host-usher https://usher.example'
  return new Uint8Array(hkdfSync('sha256', secret, salt, info, 32))
}

function joseSeal(secret: Buffer, salt: Buffer, text: string, header = {}): Promise<string> {
  const protectedHeader = {
    alg: 'dir',
    enc: 'A256GCM',
    kid: 'k1',
    salt: salt.toString('base64url'),
    ...header
  }
  return new CompactEncrypt(new TextEncoder().encode(text))
    .setProtectedHeader(protectedHeader)
    .encrypt(joseKey(secret, salt))
}

t.test(
  'sealed values are JWE: jose opens ours with the derived key, and ours opens what jose made',
  async (t) => {
    const key = sampleKey('k1')
    const seal = sampleSeal({ keys: [key] })
    const value = seal.seal('session', { a: ['Zoë 漢字 🎬', null, 1] })
    const salt = Buffer.from(decodeProtectedHeader(value)['salt'] as string, 'base64url')
    const { plaintext, protectedHeader } = await compactDecrypt(value, joseKey(key.secret, salt))
    t.match(protectedHeader, { alg: 'dir', enc: 'A256GCM', kid: 'k1' })
    t.strictSame(JSON.parse(new TextDecoder().decode(plaintext)), { a: ['Zoë 漢字 🎬', null, 1] })
    const made = await joseSeal(key.secret, Buffer.alloc(24, 9), '["from jose"]')
    t.match(seal.unseal('session', made), { value: ['from jose'], kid: 'k1' })
    const zipped = await joseSeal(key.secret, Buffer.alloc(24, 9), '[1]', { zip: 'DEF' }).catch(() => null)
    if (zipped !== null) t.equal(seal.unseal('session', zipped), 'malformed')
    const spaced = await joseSeal(key.secret, Buffer.alloc(24, 9), '[1]', { typ: 'JWT' })
    t.equal(seal.unseal('session', spaced), 'malformed', 'one spelling of the header, no further member')
  }
)

t.test(
  'rule 14: names and attributes follow the public URL, the cookie domain and the instance',
  async (t) => {
    const url = (href: string, secure: boolean) => ({
      href,
      origin: new URL(href).origin,
      basePath: '',
      hostname: new URL(href).hostname,
      secure
    })
    const https = url('https://usher.example', true)
    const http = url('http://127.0.0.1:1', false)
    const plain = { publicUrl: https, cookieDomain: null, instance: null }
    t.strictSame(cookieNames(plain), {
      session: '__Host-usher',
      signin: '__Host-usher-signin',
      device: '__Host-usher-device'
    })
    t.equal(cookieNames({ ...plain, instance: 'tv' }).session, '__Host-usher-tv')
    t.strictSame(
      cookieNames({ ...plain, cookieDomain: 'example' }),
      { session: '__Secure-usher', signin: '__Host-usher-signin', device: '__Host-usher-device' },
      'rule 90: only the session goes to other hosts'
    )
    t.equal(cookieNames({ ...plain, publicUrl: http, instance: 'tv' }).device, 'usher-tv-device')
    t.strictSame(cookieAttributes(plain), { httpOnly: true, secure: true, sameSite: 'lax', path: '/' })
    t.match(cookieAttributes({ ...plain, cookieDomain: 'example.org' }), {
      domain: 'example.org',
      secure: true
    })
    t.equal(cookieAttributes({ ...plain, publicUrl: http }).secure, false)
    t.notOk('domain' in hostCookieAttributes({ ...plain, publicUrl: https }))
    const scope = sealScope({ ...plain, cookieDomain: 'example.org' })
    t.equal(scope('session'), 'session __Secure-usher example.org')
    t.equal(scope('assertion'), 'assertion __Secure-usher example.org')
    t.equal(scope('device'), sealScope(plain)('device'), 'a device outlives a change of cookie domain')
    t.equal(sealBinding(plain), 'https://usher.example')
    t.equal(sealBinding({ ...plain, cookieDomain: 'example.org' }), 'example.org')
  }
)

t.test('rule 16: only exactly this cookie counts, and two values that differ are none', async (t) => {
  const find = (header: string | undefined) => findCookie(header, '__Host-usher')
  t.equal(find(undefined), undefined)
  t.equal(find(''), undefined)
  t.equal(find('__Host-usher=v'), 'v')
  t.equal(find('a=1; __Host-usher=v; b=2'), 'v')
  t.equal(find('a=1;__Host-usher=v;b=2'), 'v')
  t.equal(find('__Host-usher=v ; b=2'), 'v')
  t.equal(find('__Host-usher='), '')
  t.equal(find('__Host-usher=v=w'), 'v=w')
  t.equal(find('__Host-usher=bad; __Host-usher=good'), null)
  t.equal(find('__Host-usher=good; x=y; __Host-usher=bad'), null)
  t.equal(find('__Host-usher=same; __Host-usher=same'), 'same')
  for (const other of [
    '__host-usher=v',
    '__HOST-USHER=v',
    'usher=v',
    'x__Host-usher=v',
    '__Host-usher-signin=v',
    '__Host-usherx=v',
    'x=__Host-usher=v',
    'x="; y=__Host-usher=v',
    '__Host-usher',
    '__Host-usher =v'
  ]) {
    t.equal(find(other), undefined, other)
  }
  t.equal(find(`${'__Host-usher-x=1; '.repeat(500)}__Host-usher=v`), 'v')
})

t.test('rule 91: of several values the one that opens counts, if it is the only one', async (t) => {
  const opens = (value: string) => (value.startsWith('good') ? value : null)
  const find = (header: string | undefined) => findOpening(header, 'usher', opens)
  t.equal(find(undefined), null)
  t.equal(find('usher=bad'), null)
  t.equal(find('usher=good'), 'good')
  t.equal(find('usher=bad; usher=good'), 'good')
  t.equal(find('usher=good; x=1; usher=bad; usher='), 'good')
  t.equal(find('usher=good; usher=good; usher=bad'), 'good')
  t.equal(find('usher=good; usher=good2'), null)
  t.equal(find('usher=bad; usher=worse'), null)
  t.strictSame(findCookies('usher=1; usher-signin=2;usher=3; x=usher=4; usher=1', 'usher'), ['1', '3'])
  const flood = `${Array.from({ length: 50 }, (_, index) => `usher=bad${index}`).join('; ')}; usher=good`
  t.equal(findCookies(flood, 'usher').length, 8)
  t.equal(find(flood), null, 'a flood is not searched to its end')
})

t.test(
  'rule 1: ten thousand altered cookies over HTTP are all refused and cleared, and none is a 500',
  async (t) => {
    const usher = await startTestUsher(t)
    const browser = await usher.signedIn()
    const value = browser.jar.get('usher') ?? ''
    const agent = new Agent({ keepAlive: true, maxSockets: 16 })
    t.teardown(() => agent.destroy())
    const alphabet = ALPHABET.replace(' ', '')
    const cookies = Array.from({ length: 10_000 }, (_, count) => {
      const index = (count * 7919) % value.length
      const character = alphabet[(alphabet.indexOf(value[index] ?? '') + 1 + (count % 60)) % alphabet.length]
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
