import t from 'tap'
import { createReturnToRule, type FindReturnTo } from '../../../../src/session/sign-in/return-to.ts'

const ORIGIN = 'https://usher.example'

function rule(allowedReturnOrigins: readonly string[] = [], basePath = ''): FindReturnTo {
  const hostname = 'usher.example'
  const publicUrl = { href: ORIGIN + basePath, origin: ORIGIN, basePath, hostname, secure: true }
  return createReturnToRule({ publicUrl, allowedReturnOrigins })
}

t.test(
  'rule 35: a returnTo of this origin in its one spelling is kept, and of a listed origin',
  async (t) => {
    for (const good of [
      '/',
      '/library',
      '/a/b?c=d&e=/f#/g',
      '/web/index.html#!/server/x',
      '/a%20b',
      '/?u=https://evil.example/',
      '/%E2%82%AC',
      '/a//',
      `/${'a'.repeat(999)}`
    ]) {
      t.equal(rule()(good), good)
    }
    const listed = ['https://app.example', 'http://127.0.0.1:3000']
    t.equal(rule(listed)('https://app.example/a?b#c'), 'https://app.example/a?b#c')
    t.equal(rule(listed)('https://app.example'), 'https://app.example/')
    t.equal(rule(listed)('http://127.0.0.1:3000/x'), 'http://127.0.0.1:3000/x')
    t.equal(rule()('https://app.example/a'), null)
  }
)

t.test('rule 35: a listed scheme leads back into a native app, and no other scheme anywhere', async (t) => {
  const listed = rule(['com.example.app:'])
  t.equal(listed('com.example.app:/signed-in?a=1'), 'com.example.app:/signed-in?a=1')
  t.equal(listed('com.example.app://signed-in'), 'com.example.app://signed-in')
  for (const bad of [
    'com.example.other:/x',
    'com.example.app.evil:/x',
    'COM.example.app:/x',
    'com.example.app:/a\\b',
    'com.example.app://user@host/',
    'javascript:alert(1)//com.example.app:/',
    'data:text/html,x',
    'intent://x#Intent;scheme=com.example.app;end'
  ])
    t.equal(listed(bad), null, bad)
  t.equal(rule(['null'])('data:text/html,x'), null, 'no opaque origin is listed')
})

t.test('rule 35: no generated payload leads anywhere but to this origin', async (t) => {
  const evils = [
    'evil.example',
    'usher.example.evil.example',
    '2130706433',
    '0177.0.0.1',
    '0x7f.1',
    '[::1]',
    'evil。example',
    'xn--vil-wna.example'
  ]
  const slashes = [
    '/',
    '//',
    '///',
    '////',
    '/\\',
    '\\/',
    '\\',
    '\\\\',
    '/\t/',
    '/\n/',
    '/\r/',
    '/\v/',
    '/ /',
    '/%09/',
    '/%0a/',
    '/%0d/',
    '/%2f',
    '/%2F/',
    '/%5c',
    '/%5C/',
    '/%252f/',
    '/%25255c',
    '/.//',
    '/..//',
    '/./\\',
    '/%2e%2e//',
    '\t/',
    ' /',
    '\u2028/',
    '/\u2028/',
    '/\u3000/',
    '/;/',
    '/@'
  ]
  const schemes = [
    '',
    'https:',
    'http:',
    'HTTPS:',
    'javascript:',
    'data:text/html,',
    'vbscript:',
    'file:',
    'blob:https:',
    'ftp:',
    'about:',
    'x:',
    '\thttps:',
    'java\tscript:',
    'https:/\\',
    'https:\\'
  ]
  const users = ['', 'usher.example@', 'user:pass@', 'https://usher.example@', '%00@']
  const find = rule(['https://app.example'])
  let cases = 0
  for (const evil of evils) {
    for (const slash of slashes) {
      for (const scheme of schemes) {
        for (const user of users) {
          cases += 1
          const payload = `${scheme}${slash}${user}${evil}`
          const safe = find(payload)
          if (safe === null) continue
          const target = new URL(safe, ORIGIN)
          if (
            !/^\/[^/\\]/.test(safe) ||
            target.origin !== ORIGIN ||
            /[\\\u0000-\u0020\u007f-\uffff]/.test(safe)
          )
            t.fail(`${JSON.stringify(payload)} led to ${safe}`)
        }
      }
    }
  }
  t.ok(cases >= 500, `${cases} cases`)
  for (const bad of [
    '',
    'library',
    '//evil.example',
    '/\\evil.example',
    'https://app.example.evil.example/',
    'https://app.example:444/',
    'http://app.example/',
    'https://user@app.example/',
    'https://:pass@app.example/',
    'https://app.example@evil.example/',
    'HTTPS://app.example/',
    'https:/app.example/',
    'https://APP.example/',
    'https://app.example/../x',
    'https://app.example\\@evil.example/',
    'null',
    'javascript:alert(1)',
    '/a/../b',
    '/a/./b',
    '/%2e%2e/x',
    '/x%00',
    '/x%0d%0aSet-Cookie:a=b',
    '/é',
    '/a%2fb',
    '/a%252Fb',
    'https://app.example/a%5cb',
    'https://app.example/a%0db',
    `/${'a'.repeat(1000)}`
  ]) {
    t.equal(find(bad), null, JSON.stringify(bad))
  }
})

t.test('a deep link of a listed origin keeps its encoded slashes', async (t) => {
  const find = rule(['https://app.example', ORIGIN])
  for (const link of [
    'https://app.example/files/a%2Fb.txt?x=%2F',
    'https://app.example/a%252Fb',
    'https://app.example/pms/session'
  ]) {
    t.equal(find(link), link)
  }
  t.equal(find(`${ORIGIN}/files`), `${ORIGIN}/files`)
  t.equal(find(`${ORIGIN}/files/a%2Fb`), null, 'this origin has its own rule, listed or not')
})

t.test('rule 80: no returnTo leads below the API, however it is spelled', async (t) => {
  for (const basePath of ['', '/usher', '/a/b']) {
    const find = rule([ORIGIN], basePath)
    for (const api of ['pms', 'plex', 'session', 'oidc']) {
      const spellings = [
        api,
        api.toUpperCase(),
        `%${api.charCodeAt(0).toString(16)}${api.slice(1)}`,
        `%25${api.charCodeAt(0).toString(16)}${api.slice(1)}`,
        [...api].map((letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`).join(''),
        `/${api}`,
        `${api};x=1`,
        `%2e/${api}`,
        `x/../${api}`
      ]
      for (const spelling of spellings) {
        for (const rest of [
          '',
          '/',
          '?x',
          '#x',
          '/:/scrobble?key=1',
          '/logout',
          '/interaction',
          '/interaction/'
        ]) {
          const path = `${basePath}/${spelling}${rest}`
          t.equal(find(path), null, path)
          t.equal(find(ORIGIN + path), null, ORIGIN + path)
        }
      }
      for (const other of [
        `${basePath}/x${api}`,
        `${basePath}/${api}x`,
        `${basePath}/app/${api}`,
        `/app/${api}?y`
      ])
        t.equal(find(other), other)
    }
    const interaction = `${basePath}/oidc/interaction/Ab_c-9`
    t.equal(find(interaction), interaction)
    for (const rest of ['/x', '?x', '%20', '/../../auth', ';x'])
      t.equal(find(`${interaction}${rest}`), rest === '?x' ? `${interaction}?x` : null)
    t.equal(find(`${basePath}/OIDC/interaction/x`), null)
    t.equal(find(`${basePath}/oidc/%69nteraction/x`), null)
  }
  t.equal(
    rule([], '/usher')('/plex/web/index.html'),
    '/plex/web/index.html',
    'above the base path is not Usher’s'
  )
})

t.test('what is no text, or cannot be decoded, is handled like any other', async (t) => {
  const find = rule()
  for (const odd of [undefined, null, 7, ['/x'], { toString: () => '/x' }]) t.equal(find(odd), null)
  t.equal(find('/a%E9b'), '/a%E9b')
  t.equal(find('/pms/%E9'), null)
  t.equal(find('/%70ms/%E9'), null)
})
