import t from 'tap'
import { createCrossSiteCheck, type FetchHeaders } from '../../../src/domain/cross-site.ts'

const OWN = 'https://usher.example'
const SIBLING = 'https://app.example'
const { find, siteOf, isAllowedOrigin } = createCrossSiteCheck(OWN, [
  SIBLING,
  'https://xn--bcher-kva.example'
])

t.test('rule 79: a navigation reaches nothing unsafe, whatever its site', async (t) => {
  for (const site of ['same-origin', 'same-site', 'cross-site', 'none', undefined]) {
    for (const origin of [undefined, OWN, SIBLING, 'null']) {
      const headers = { 'sec-fetch-mode': 'navigate', 'sec-fetch-site': site, origin, 'x-usher': '1' }
      t.equal(find(headers, true), 'navigation', JSON.stringify(headers))
    }
  }
  t.equal(find({ 'sec-fetch-mode': 'navigate', 'sec-fetch-site': 'same-origin' }, false), null)
  t.equal(find({ 'sec-fetch-mode': 'cors', 'sec-fetch-site': 'same-origin' }, true), null)
})

t.test('rule 83: without any proof a safe request passes unless Referer names another origin', async (t) => {
  const cases: readonly [headers: FetchHeaders, safe: string | null, unsafe: string | null][] = [
    [{}, null, 'no_header'],
    [{ referer: `${OWN}/signin` }, null, 'no_header'],
    [{ referer: 'https://USHER.example:443/a' }, null, 'no_header'],
    [{ referer: `${SIBLING}/player` }, null, 'no_header'],
    [{ referer: 'https://evil.example/' }, 'referer', 'no_header'],
    [{ referer: 'https://usher.example.evil.example/' }, 'referer', 'no_header'],
    [{ referer: 'http://usher.example/' }, 'referer', 'no_header'],
    [{ referer: 'about:blank' }, 'referer', 'no_header'],
    [{ referer: '' }, null, 'no_header'],
    [{ 'x-usher': '1' }, null, null],
    [{ 'x-usher': '1', referer: 'https://evil.example/' }, null, null]
  ]
  for (const [headers, safe, unsafe] of cases) {
    t.equal(find(headers, false), safe, JSON.stringify(headers))
    t.equal(find(headers, true), unsafe, JSON.stringify(headers))
  }
})

t.test('rule 28: safe requests of an allowed sibling pass by Referer, unsafe ones do not', async (t) => {
  const embedded = { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'no-cors' }
  t.equal(find({ ...embedded, referer: `${SIBLING}/` }, false), null)
  t.equal(find({ ...embedded, referer: 'https://bücher.example/x' }, false), null)
  t.equal(find({ ...embedded, referer: `${SIBLING}/` }, true), 'sec_fetch_site')
  t.equal(find({ ...embedded, referer: 'https://other.example/' }, false), 'sec_fetch_site')
  t.equal(find({ ...embedded, referer: `${OWN}/` }, false), 'sec_fetch_site', 'a page of ours is same-origin')
  t.equal(find(embedded, false), 'sec_fetch_site')
  const crossSite = { ...embedded, 'sec-fetch-site': 'cross-site', referer: `${SIBLING}/` }
  t.equal(find(crossSite, false), 'sec_fetch_site')
  t.equal(find({ ...embedded, origin: 'null', referer: `${SIBLING}/` }, false), 'sec_fetch_site')
})

t.test('an Origin counts in every spelling of the allowed one', async (t) => {
  for (const origin of [
    SIBLING,
    'https://APP.example',
    'https://app.example:443',
    'https://bücher.example'
  ]) {
    t.ok(isAllowedOrigin(origin), origin)
    t.equal(find({ origin }, true), null, origin)
    t.equal(find({ 'sec-fetch-site': 'cross-site', origin }, true), null, origin)
  }
  for (const origin of ['null', '', '*', 'https://app.example/', 'http://app.example', OWN])
    t.notOk(isAllowedOrigin(origin), origin)
})

t.test('rule 81: the origin of a request is own, other or unknown', async (t) => {
  t.equal(siteOf({ 'sec-fetch-site': 'same-origin' }), 'own')
  t.equal(siteOf({ 'sec-fetch-site': 'none' }), 'own')
  t.equal(siteOf({ origin: SIBLING }), 'own')
  t.equal(siteOf({ 'x-usher': '1' }), 'own')
  t.equal(siteOf({ referer: `${OWN}/` }), 'own')
  t.equal(siteOf({ 'sec-fetch-site': 'cross-site' }), 'other')
  t.equal(siteOf({ origin: 'null' }), 'other')
  t.equal(siteOf({ referer: 'https://evil.example/' }), 'other')
  t.equal(siteOf({}), 'unknown')
  t.equal(siteOf({ referer: '' }), 'unknown')
})

t.test('the public origin is no frontend, though somebody lists it', async (t) => {
  const { find, siteOf } = createCrossSiteCheck(OWN, [OWN])
  t.equal(find({ 'sec-fetch-site': 'cross-site', origin: OWN }, false), 'sec_fetch_site')
  t.equal(find({ 'sec-fetch-site': 'same-site', referer: `${OWN}/` }, false), 'sec_fetch_site')
  t.equal(find({ origin: OWN }, true), null, 'a browser that knows no Fetch Metadata')
  t.equal(siteOf({ origin: OWN }), 'own')
})

t.test('an Origin that nobody listed is the reason, safe or not', async (t) => {
  for (const origin of ['https://evil.example', 'null', ''])
    for (const unsafe of [true, false]) t.equal(find({ origin, 'x-usher': '1' }, unsafe), 'origin', origin)
})
