import t from 'tap'
import { hostnameOf, normalHost, normalOrigin, originOf } from '../../../src/domain/origins.ts'
import { fc } from '../../support/properties.ts'

t.test('every spelling of an origin has one normal form', async (t) => {
  for (const [text, normal] of [
    ['https://usher.example', 'https://usher.example'],
    ['HTTPS://Usher.EXAMPLE', 'https://usher.example'],
    ['https://usher.example:443', 'https://usher.example'],
    ['http://usher.example:80', 'http://usher.example'],
    ['https://usher.example:80', 'https://usher.example:80'],
    ['https://[2001:DB8:0:0:0:0:0:1]', 'https://[2001:db8::1]'],
    ['https://[2001:db8::1]:443', 'https://[2001:db8::1]'],
    ['https://bücher.example', 'https://xn--bcher-kva.example'],
    ['https://XN--BCHER-KVA.example', 'https://xn--bcher-kva.example']
  ] as const)
    t.equal(normalOrigin(text), normal, text)
})

t.test('anything but a bare http or https origin is null', async (t) => {
  for (const text of [
    '',
    'null',
    '*',
    'usher.example',
    'ftp://usher.example',
    'xhttps://usher.example',
    'evil https://usher.example',
    'https:usher.example',
    'https://usher.example/',
    'https://usher.example/path',
    'https://usher.example?x',
    'https://usher.example#x',
    'https://user@usher.example',
    'https://usher.example\\@evil.example',
    'https://usher%2eexample',
    'https://usher.example evil.example',
    'https://usher.exam\tple',
    'https://usher.example:70000',
    'https://'
  ])
    t.equal(normalOrigin(text), null, JSON.stringify(text))
})

t.test('only an http or https URL has an origin', async (t) => {
  t.equal(originOf('https://App.example:443/a/b?c#d'), 'https://app.example')
  t.equal(originOf('http://127.0.0.1:3000/'), 'http://127.0.0.1:3000')
  for (const text of [
    '',
    'about:blank',
    'data:text/html,x',
    'android-app://app.example',
    'data:x,https://a',
    'https://'
  ])
    t.equal(originOf(text), null, text)
})

t.test('a Host loses its scheme’s default port and no other', async (t) => {
  t.equal(normalHost('usher.example:443', 'https'), 'usher.example')
  t.equal(normalHost('usher.example:443', 'http'), 'usher.example:443')
  t.equal(normalHost('USHER.example:80', 'http'), 'usher.example')
  t.equal(normalHost('[2001:DB8::0:1]:8443', 'https'), '[2001:db8::1]:8443')
  t.equal(normalHost(Buffer.from('bücher.example').toString('latin1'), 'https'), 'xn--bcher-kva.example')
  t.equal(hostnameOf('usher.example:8443'), 'usher.example')
  t.equal(hostnameOf('a b'), null)
  for (const text of ['', 'a/b', 'a?b', 'a#b', 'user@a', 'a\\b', 'a%2eb', 'a b', ':443', 'a:b', 'a:443:443'])
    t.equal(normalHost(text, 'https'), null, text)
})

t.test('normalising is idempotent', async () => {
  const authority = fc.stringMatching(/^[A-Za-z0-9.:[\]_-]{1,24}$/)
  fc.assert(
    fc.property(authority, fc.constantFrom('http', 'https'), (text, scheme) => {
      const origin = normalOrigin(`${scheme}://${text}`)
      return origin === null || normalOrigin(origin) === origin
    })
  )
})
