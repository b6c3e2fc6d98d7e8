import t from 'tap'
import { wantsPage } from '../../../src/domain/navigation.ts'

const DOCUMENT = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }
const CHROME =
  'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7'
const SAFARI = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'

t.test('Accept decides, and what comes before HTML', async (t) => {
  for (const [accept, expected] of [
    [CHROME, true],
    [SAFARI, true],
    ['text/html, application/xhtml+xml, image/jxr, */*', true],
    ['text/html, text/plain, text/sgml, text/css, application/xhtml+xml, */*;q=0.01', true],
    ['TEXT/HTML', true],
    [' text/html ; charset=utf-8 ; q=0.001', true],
    ['text/html, application/json', true],
    ['application/problem+json;q=0.4, text/html;q=0.5', true],
    [undefined, false],
    ['', false],
    ['*/*', false],
    ['text/*', false],
    ['text/html;q=0', false],
    ['text/html;q=0.000, */*', false],
    ['text/html;q=none', false],
    ['application/json, text/html', false],
    ['application/problem+json, text/html;q=0.9', false],
    ['application/json, text/javascript, */*; q=0.01', false],
    ['text/htmlx, x-text/html, text/ html', false],
    ['image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8', false],
    ['application/xhtml+xml', false],
    ['",;="', false]
  ] as const) {
    t.equal(wantsPage('GET', { ...DOCUMENT, accept }), expected, String(accept))
    t.equal(wantsPage('HEAD', { accept }), expected, `${accept}, without Fetch Metadata`)
  }
})

t.test('Fetch Metadata has a veto, and so has the method', async (t) => {
  for (const [mode, destination, expected] of [
    ['navigate', 'document', true],
    ['navigate', undefined, true],
    [undefined, 'document', true],
    [undefined, undefined, true],
    ['navigate', 'iframe', false],
    ['navigate', 'embed', false],
    ['no-cors', 'image', false],
    ['no-cors', undefined, false],
    ['cors', 'empty', false],
    ['cors', undefined, false],
    ['same-origin', 'empty', false],
    ['websocket', 'websocket', false],
    [undefined, 'video', false],
    ['', undefined, false],
    [undefined, '', false],
    ['navigate, cors', 'document', false]
  ] as const) {
    const headers = { accept: CHROME, 'sec-fetch-mode': mode, 'sec-fetch-dest': destination }
    t.equal(wantsPage('GET', headers), expected, `${mode} to ${destination}`)
  }
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PROPFIND', 'get'])
    t.notOk(wantsPage(method, { ...DOCUMENT, accept: CHROME }), method)
})

t.test('rule 53: an Accept costs no more time than its length', async (t) => {
  const startedAt = performance.now()
  for (const piece of [',', ';', '"', '",', '\\"', ' ', 'a/b,', 'a/b;q="', 'a/b;a=b;', 'text/html;q=0,'])
    for (const start of ['', 'text/html;a="', 'text/html,'])
      wantsPage('GET', { accept: start + piece.repeat(100_000 / piece.length) })
  // In the square of the length it would be minutes.
  t.ok(performance.now() - startedAt < 60_000)
})
