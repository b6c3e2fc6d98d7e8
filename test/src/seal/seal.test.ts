import { hkdfSync } from 'node:crypto'
import { CompactEncrypt, compactDecrypt, decodeProtectedHeader } from 'jose'
import t from 'tap'
import { createKeyRing, type KeyRing } from '../../../src/seal/key-ring.ts'
import { createSeal, type Purpose, tagOf } from '../../../src/seal/seal.ts'
import { sessionCodec } from '../../../src/session/cookie/sealed-session.ts'
import { sampleKey, sampleSeal, sampleSession } from '../session/sample.ts'

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
  for (const text of [
    'A'.repeat(1_000_000),
    'a',
    'a.b',
    'a..b.c',
    '....',
    `${value}.A`,
    value.replace('..', '.A.')
  ])
    t.equal(seal.unseal('session', text), 'malformed')
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

t.test('rule 4: after its number of seals a key is not used again', async (t) => {
  const keys = createKeyRing([sampleKey('k1')])
  const seal = createSeal(keys, (purpose) => purpose, { sealsPerSalt: 3 })
  const values = Array.from({ length: 7 }, (_, index) => seal.seal('session', index))
  const salts = values.map((value) => decodeProtectedHeader(value)['salt'])
  t.strictSame(
    salts.map((salt) => salts.indexOf(salt)),
    [0, 0, 0, 3, 3, 3, 6]
  )
  for (const [index, value] of values.entries()) t.match(seal.unseal('session', value), { value: index })
})

t.test('a ring that lost its newest key seals nothing', async (t) => {
  const ring: KeyRing = { ...createKeyRing([sampleKey('k1')]), derive: () => null }
  const seal = createSeal(ring, (purpose) => purpose)
  t.throws(() => seal.seal('session', 1), new TypeError('the newest key is missing'))
})

t.test('the tag at the end of a value stands for it', async (t) => {
  const value = sampleSeal().seal('session', 1)
  t.equal(tagOf(value), value.split('.')[4])
  t.equal(tagOf('short'), 'short')
})

t.test('rule 2: a header has one spelling, to its first and last character', async (t) => {
  const seal = sampleSeal()
  const value = seal.seal('device', 1)
  const [header = '', ...rest] = value.split('.')
  const text = Buffer.from(header, 'base64url').toString()
  for (const other of [` ${text}`, `${text} `, `${text}\n`, `{"a":${text}`, `${text}}`]) {
    const altered = [Buffer.from(other).toString('base64url'), ...rest].join('.')
    t.equal(seal.unseal('device', altered), 'malformed', other)
    t.equal(seal.ageOf(altered), null)
  }
  t.equal(seal.ageOf(`${header}A`), null, 'a header that nothing follows is no value')
  t.equal(seal.ageOf(`${header}.`), 'newest')
})

t.test('rule 13: a value of 4,096 characters opens, and one that is longer does not', async (t) => {
  const seal = sampleSeal()
  const opens = new Map<number, unknown>()
  for (let chars = 2800; chars < 3000; chars += 1) {
    const value = seal.seal('session', 'x'.repeat(chars))
    opens.set(value.length, typeof seal.unseal('session', value))
  }
  t.equal(opens.get(4096), 'object')
  t.equal(opens.get(4098) ?? opens.get(4097), 'string')
  for (const [length, type] of opens) t.equal(type, length <= 4096 ? 'object' : 'string', `${length}`)
})

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
  t.throws(() => createKeyRing([]), new TypeError('a key ring needs a key'))
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

t.test('rule 8: with another ring a retired key opens nothing any more, though it was in use', async (t) => {
  const [old, fresh] = [sampleKey('old'), sampleKey('fresh')]
  const seal = createSeal(createKeyRing([old]), (purpose) => purpose)
  const value = seal.seal('session', 1)
  t.match(seal.unseal('session', value), { value: 1, newest: true })
  t.equal(seal.newest(), 'old')
  seal.rekey(createKeyRing([fresh, old]))
  t.match(seal.unseal('session', value), { value: 1, newest: false })
  t.match(seal.unseal('session', seal.seal('session', 2)), { value: 2, kid: 'fresh', newest: true })
  t.strictSame([seal.newest(), seal.holds('fresh'), seal.holds('old')], ['fresh', true, true])
  seal.rekey(createKeyRing([fresh]))
  t.equal(seal.unseal('session', value), 'unknown_key')
  t.equal(seal.ageOf(value), null)
  t.strictSame([seal.newest(), seal.holds('fresh'), seal.holds('old')], ['fresh', true, false])
})
