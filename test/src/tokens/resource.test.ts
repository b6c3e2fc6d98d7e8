import t from 'tap'
import { OAuthError } from '../../../src/tokens/oauth-error.ts'
import { isWithin, readResources } from '../../../src/tokens/resource.ts'
import { fc } from '../../support/properties.ts'

const root = { origin: 'https://usher.example', basePath: '' }
const below = { origin: 'https://usher.example', basePath: '/media' }

t.test('a resource is a path below /pms, with or without /pms before it, or an absolute URI', async (t) => {
  t.strictSame(readResources(['/library/metadata/5'], root), ['/library/metadata/5'])
  t.strictSame(readResources(['/library/metadata/5/'], root), ['/library/metadata/5'])
  t.strictSame(readResources(['/pms/library'], root), ['/library'])
  t.strictSame(readResources(['/hubs/pms/x', '/hubs/pms'], root), ['/hubs/pms/x', '/hubs/pms'])
  t.strictSame(readResources(['https://usher.example/pms/library'], root), ['/library'])
  t.strictSame(readResources(['HTTPS://Usher.Example:443/pms/library'], root), ['/library'])
  t.strictSame(readResources(['https://usher.example/media/pms/library'], below), ['/library'])
  t.strictSame(readResources(['/library', '/hubs', '/library'], root), ['/library', '/hubs'])
  t.strictSame(readResources(['/library/people/Zo%C3%AB'], root), ['/library/people/Zoë'])
})

function refusalOf(resources: readonly string[], publicUrl = root): string | null {
  try {
    readResources(resources, publicUrl)
    return null
  } catch (error) {
    return error instanceof OAuthError ? error.error : 'another error'
  }
}

t.test('no resource, or the root, stands for everything', async (t) => {
  for (const list of [[], ['/'], ['/pms'], ['/pms/'], ['https://usher.example/pms'], ['/library', '/']]) {
    t.strictSame(readResources(list, root), [], list.join())
  }
  t.ok(isWithin('/', []))
  t.ok(isWithin('/library', []))
})

t.test('rule 38: an ambiguous resource, or one elsewhere, is refused', async (t) => {
  for (const resource of [
    '',
    'library',
    'pms/library',
    '//library',
    '//usher.example/pms/library',
    '/library//metadata',
    '/library/../hubs',
    '/library/./x',
    '/library/%2e%2e/hubs',
    '/library%2fmetadata',
    '/library/%5c',
    '/library\\x',
    '/library/%00',
    '/library/%252e',
    '/library;x',
    '/library?x=1',
    '/library#x',
    '/library/é',
    '/library/%',
    'https://usher.example/library',
    'https://usher.example/pmsx/library',
    'https://usher.example/pms/../pms/library',
    'https://usher.example@evil.example/pms/library',
    'https://user@usher.example/pms/library',
    'https://usher.example.evil.example/pms/library',
    'https://usher.example:8443/pms/library',
    'http://usher.example/pms/library',
    'https:/usher.example/pms/library',
    'https:\\\\usher.example/pms/library',
    'urn:x:/pms/library',
    ' https://usher.example/pms/library',
    'x https://usher.example/pms/library',
    'https://[/pms/library',
    'https://usher.example:x/pms/library',
    `/${'x'.repeat(300)}`
  ]) {
    t.equal(refusalOf([resource]), 'invalid_target', resource.slice(0, 60))
  }
  t.equal(refusalOf(['https://usher.example/pms/library'], below), 'invalid_target')
  t.equal(refusalOf(Array(9).fill('/library')), 'invalid_target')
  t.equal(refusalOf(Array(8).fill('/library')), null)
  t.equal(refusalOf([`/${'x'.repeat(255)}`]), null)
  t.equal(refusalOf([`/${'x'.repeat(256)}`]), 'invalid_target')
  t.throws(() => readResources(['x'], root), /^A resource must be a plain path below \/pms\.$/)
})

t.test('a path lies within a prefix by whole segments', async (t) => {
  const prefixes = ['/library/metadata/5', '/hubs']
  for (const path of ['/library/metadata/5', '/library/metadata/5/children', '/hubs/search', '/hubs/']) {
    t.ok(isWithin(path, prefixes), path)
  }
  for (const path of [
    '/',
    '/library',
    '/library/metadata/55',
    '/library/metadata/5,6',
    '/Hubs',
    '/hub',
    ''
  ]) {
    t.notOk(isWithin(path, prefixes), path)
  }
})

t.test('what is accepted as a resource is what lies within it, however it was spelled', async () => {
  const segment = fc.stringMatching(/^[A-Za-z0-9:,_-]{1,8}$/)
  fc.assert(
    fc.property(fc.array(segment, { minLength: 1, maxLength: 5 }), fc.boolean(), (segments, absolute) => {
      const path = `/${segments.join('/')}`
      const [prefix] = readResources([absolute ? `https://usher.example/pms${path}` : `/pms${path}`], root)
      return prefix === path && isWithin(path, [prefix]) && isWithin(`${path}/x`, [prefix])
    })
  )
})
