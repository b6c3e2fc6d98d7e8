import t from 'tap'
import { safeReturnTo } from '../../../../src/session/sign-in/return-to.ts'

const ORIGIN = 'https://usher.example'

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
      '/%E2%82%AC'
    ]) {
      t.equal(safeReturnTo(good, ORIGIN, []), good)
    }
    const listed = ['https://app.example', 'http://127.0.0.1:3000']
    t.equal(safeReturnTo('https://app.example/a?b#c', ORIGIN, listed), 'https://app.example/a?b#c')
    t.equal(safeReturnTo('https://app.example', ORIGIN, listed), 'https://app.example/')
    t.equal(safeReturnTo('http://127.0.0.1:3000/x', ORIGIN, listed), 'http://127.0.0.1:3000/x')
    t.equal(safeReturnTo('https://app.example/a', ORIGIN, []), null)
  }
)

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
  let cases = 0
  for (const evil of evils) {
    for (const slash of slashes) {
      for (const scheme of schemes) {
        for (const user of users) {
          cases += 1
          const payload = `${scheme}${slash}${user}${evil}`
          const safe = safeReturnTo(payload, ORIGIN, ['https://app.example'])
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
    `/${'a'.repeat(1000)}`
  ]) {
    t.equal(safeReturnTo(bad, ORIGIN, ['https://app.example']), null, JSON.stringify(bad))
  }
})
