import t from 'tap'
import { createKeyRing } from '../../../../src/seal/key-ring.ts'
import { createSeal } from '../../../../src/seal/seal.ts'
import { type CookieConfig, sealScope } from '../../../../src/session/cookie/cookie.ts'
import { createOldCookies } from '../../../../src/session/cookie/old-scopes.ts'
import { sampleKey } from '../sample.ts'

const KEYS = [sampleKey('k1')]

function config(cookieDomain: string | null, href = 'https://auth.home.example.com'): CookieConfig {
  const { origin, hostname, protocol } = new URL(href)
  const publicUrl = { href, origin, basePath: '', hostname, secure: protocol === 'https:' }
  return { publicUrl, cookieDomain, instance: null }
}

const sealOf = (setting: CookieConfig, keys = KEYS) => createSeal(createKeyRing(keys), sealScope(setting))

/** What is cleared, as `name` or `name @ domain`. */
function cleared(setting: CookieConfig, header: string | undefined, sessionIsGood = false): string[] {
  return createOldCookies(setting, sealOf(setting))(header, sessionIsGood).map(({ name, attributes }) =>
    attributes.domain === undefined ? name : `${name} @ ${attributes.domain}`
  )
}

const HOSTS = ['auth.home.example.com', 'home.example.com', 'example.com']
const at = (name: string, domains: readonly string[]) => domains.map((domain) => `${name} @ ${domain}`)

t.test('rule 93: a change of cookie domain clears what the setting before it left', async (t) => {
  const [none, wide, narrow] = [config(null), config('example.com'), config('home.example.com')]
  const value = (setting: CookieConfig) => sealOf(setting).seal('session', ['s'])
  const old = `__Host-usher=${value(none)}`
  t.strictSame(cleared(wide, old), ['__Host-usher'], 'a domain was set')
  t.strictSame(cleared(wide, `${old}; __Secure-usher=${value(wide)}`, true), ['__Host-usher'])
  const gone = ['__Secure-usher', ...at('__Secure-usher', HOSTS)]
  t.strictSame(cleared(none, `__Secure-usher=${value(wide)}`), gone, 'a domain was taken away')
  const narrowed = `__Secure-usher=${value(wide)}`
  const rest = ['__Secure-usher', ...at('__Secure-usher', ['auth.home.example.com', 'example.com'])]
  t.strictSame(cleared(narrow, narrowed), rest, 'a domain was narrowed, but not its own scope')
  t.strictSame(cleared(narrow, `${narrowed}; __Secure-usher=${value(narrow)}`, true), rest)
})

t.test(
  'rule 90: sign-in and device cookies of a cookie domain are cleared, which apps were sent',
  async (t) => {
    const wide = config('example.com')
    const value = sealOf(wide).seal('device', ['d'])
    const names = ['__Secure-usher-device', '__Secure-usher-signin']
    for (const name of names)
      t.strictSame(cleared(wide, `${name}=${value}`, true), [name, ...at(name, HOSTS)])
  }
)

t.test('nothing else is cleared: not what is good, foreign, or another instance’s', async (t) => {
  const wide = config('example.com')
  const value = sealOf(wide).seal('session', ['s'])
  const foreign = sealOf(wide, [sampleKey('other')]).seal('session', ['s'])
  t.strictSame(cleared(wide, undefined), [])
  t.strictSame(cleared(wide, 'a=b'), [])
  t.strictSame(cleared(wide, `__Secure-usher=${value}`, true), [])
  t.strictSame(cleared(wide, `__Secure-usher=${foreign}`), [], 'a deployment above or below')
  t.strictSame(cleared(wide, `__Secure-usher=${value}; __Secure-usher=${foreign}`), [])
  t.strictSame(cleared(wide, `__Host-usher=${foreign}; __Host-usher=${value}`), [])
  t.strictSame(cleared(wide, `__Host-usher-tv=${value}; __Host-usher-tv-device=${value}`), [])
  t.strictSame(cleared(wide, `__Host-usher-device=${value}; __Host-usher-signin=${value}`, true), [])
})

t.test('a host without parent domains has no scope but its own', async (t) => {
  for (const href of ['http://192.168.1.5:8080', 'http://localhost', 'http://[::1]:8080', 'http://nas']) {
    const setting = config(null, href)
    const value = sealOf(setting).seal('session', ['s'])
    t.strictSame(cleared(setting, `usher=${value}; usher=${value}x`), [], href)
    t.strictSame(cleared(setting, `__Host-usher=${value}`), ['__Host-usher'], href)
  }
})
