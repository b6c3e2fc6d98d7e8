import t from 'tap'
import {
  cookieAttributes,
  cookieNames,
  findCookie,
  findCookies,
  findOpening,
  hostCookieAttributes,
  sealBinding,
  sealScope
} from '../../../../src/session/cookie/cookie.ts'

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
    t.equal(scope('scoped'), 'scoped __Secure-usher example.org')
    t.equal(scope('signin'), 'signin __Host-usher-signin https://usher.example')
    t.equal(scope('device'), 'device __Host-usher-device https://usher.example')
    t.equal(sealScope(plain)('session'), 'session __Host-usher https://usher.example')
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
  t.equal(find(' __Host-usher=v'), 'v')
  t.equal(find('a=1;   __Host-usher=v'), 'v')
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
  t.equal(find('other=good'), null)
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
