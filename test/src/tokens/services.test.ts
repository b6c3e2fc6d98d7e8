import t from 'tap'
import type { Grant } from '../../../src/config/config.ts'
import { hashSecret } from '../../../src/config/secret-hashes.ts'
import { createServices } from '../../../src/tokens/services.ts'
import { fc } from '../../support/properties.ts'

const SECRET_A = 'a-secret-of-service-a-that-is-long'
const SECRET_A2 = 'the-next-secret-of-service-a-longer'
const SECRET_B = 'b:secret+of %service/b=ünïcode'

const setting = (id: string, secrets: string[], grants: Grant[]) => ({
  id,
  secretHashes: secrets.map(hashSecret),
  grants,
  maxTtlMs: 900_000
})
const services = createServices([
  setting('alpha', [SECRET_A, SECRET_A2], ['scoped']),
  setting('beta', [SECRET_B], ['sources', 'introspect'])
])

const basic = (id: string, secret: string) =>
  `Basic ${Buffer.from(`${encode(id)}:${encode(secret)}`).toString('base64')}`
const encode = (text: string) => new URLSearchParams({ '': text }).toString().slice(1)

t.test('a service proves itself by Basic, form-encoded, and by Bearer', async (t) => {
  t.equal(services.authenticate(basic('alpha', SECRET_A))?.id, 'alpha')
  t.equal(services.authenticate(basic('beta', SECRET_B))?.id, 'beta')
  t.equal(services.authenticate(`Bearer alpha.${SECRET_A}`)?.id, 'alpha')
  t.equal(services.authenticate(`bearer alpha.${SECRET_A}`)?.id, 'alpha')
  const plain = `Basic ${Buffer.from(`alpha:${SECRET_A}`).toString('base64')}`
  t.equal(services.authenticate(plain)?.id, 'alpha', 'a secret of safe characters needs no encoding')
})

t.test('rule 63: two secrets are good during a rotation, and a retired one is not', async (t) => {
  t.equal(services.authenticate(`Bearer alpha.${SECRET_A2}`)?.id, 'alpha')
  const rotated = createServices([setting('alpha', [SECRET_A2], ['scoped'])])
  t.equal(rotated.authenticate(`Bearer alpha.${SECRET_A}`), null)
  t.equal(rotated.authenticate(`Bearer alpha.${SECRET_A2}`)?.id, 'alpha')
})

t.test('rule 63: a service holds its own grants and no others', async (t) => {
  const alpha = services.authenticate(`Bearer alpha.${SECRET_A}`)
  t.ok(alpha?.has('scoped'))
  t.notOk(alpha?.has('sources'))
  t.equal(services.find('beta')?.has('introspect'), true)
  t.equal(services.find('gamma'), undefined)
})

t.test('rule 63: the secret of one service does not prove another, nor an unknown one', async (t) => {
  for (const [id, secret] of [
    ['beta', SECRET_A],
    ['alpha', SECRET_B],
    ['gamma', SECRET_A],
    ['', SECRET_A],
    ['alpha', ''],
    ['__proto__', SECRET_A]
  ] as const) {
    t.equal(services.authenticate(basic(id, secret)), null, `${id} by Basic`)
    t.equal(services.authenticate(`Bearer ${id}.${secret}`), null, `${id} by Bearer`)
  }
})

t.test('rule 12: no other header proves anything, whatever its form', async (t) => {
  const odd = [
    undefined,
    '',
    'Basic',
    'Bearer',
    `Digest alpha.${SECRET_A}`,
    `Bearer alpha${SECRET_A}`,
    `Bearer alpha.${SECRET_A} x`,
    `Basic ${Buffer.from('alpha').toString('base64')}`,
    `Basic ${Buffer.from('alpha:%zz').toString('base64')}`,
    `Basic ${Buffer.from('al%70ha:%E0%A4%A').toString('base64')}`,
    `Bearer alpha.${SECRET_A}${'x'.repeat(4000)}`
  ]
  for (const header of odd) t.equal(services.authenticate(header), null, String(header).slice(0, 40))
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.constantFrom('Basic', 'Bearer'), (id, secret, scheme) => {
      fc.pre(secret !== SECRET_A)
      const value = scheme === 'Basic' ? basic(id, secret).slice(6) : `${id}.${secret}`
      return services.authenticate(`${scheme} ${value}`) === null
    })
  )
  t.equal(
    createServices([]).authenticate(`Bearer alpha.${SECRET_A}`),
    null,
    'nobody where none is configured'
  )
})

t.test('rule 12: a header has one scheme, one blank or more, and 2,048 characters at most', async (t) => {
  const chars = (count: number) => 'x'.repeat(count - 'Bearer long.'.length)
  const long = createServices([setting('long', [chars(2048), chars(2049)], []), setting('a', ['abcd'], [])])
  t.equal(long.authenticate(`Bearer long.${chars(2048)}`)?.id, 'long')
  t.equal(long.authenticate(`Bearer long.${chars(2049)}`), null)
  t.equal(long.authenticate('Bearer   a.abcd')?.id, 'a')
  for (const odd of ['xBearer a.abcd', ' Bearer a.abcd', 'Bearera.abcd', 'Bearer a.abcd ', 'Bearer a:abcd'])
    t.equal(long.authenticate(odd), null, odd)
  const alike = createServices([setting('abc', ['abcd'], [])])
  t.equal(alike.authenticate('Bearer abcd'), null, 'no id was given')
  t.equal(alike.authenticate(`Basic ${Buffer.from('abcd').toString('base64')}`), null)
})

t.test('a known id counts as named, proven or not; any other names nobody', async (t) => {
  t.equal(services.namedBy(`Bearer alpha.${SECRET_A}`), 'alpha')
  t.equal(services.namedBy('Bearer alpha.wrong'), 'alpha')
  t.equal(services.namedBy(basic('beta', 'wrong')), 'beta')
  for (const header of [undefined, '', 'Bearer gamma.x', 'Bearer alpha', 'Digest alpha.x', 'Basic !'])
    t.equal(services.namedBy(header), null, String(header))
})

t.test('rule 63: services that are replaced prove nothing any more', async (t) => {
  const changing = createServices([setting('alpha', [SECRET_A], ['scoped']), setting('beta', [SECRET_B], [])])
  changing.replace([setting('alpha', [SECRET_A2], ['sources'])])
  t.equal(changing.authenticate(`Bearer alpha.${SECRET_A}`), null)
  t.equal(changing.authenticate(basic('beta', SECRET_B)), null)
  t.equal(changing.find('beta'), undefined)
  t.equal(changing.namedBy('Bearer beta.x'), null)
  t.equal(changing.authenticate(`Bearer alpha.${SECRET_A2}`)?.has('sources'), true)
})
