import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import Fastify from 'fastify'
import t from 'tap'
import compression from '../../plugins/compression.ts'
import { createCrossSiteCheck } from '../../src/domain/cross-site.ts'
import type { Answer, Browser } from '../support/browser.ts'
import { startTestUsher } from '../support/usher.ts'

/** What a browser's own page sends. */
const OWN = { 'accept-encoding': 'gzip, deflate, br, zstd', 'sec-fetch-site': 'same-origin' }

function textOf({ headers, body }: Answer): string {
  const coding = headers['content-encoding']
  if (coding === 'zstd') return zstdDecompressSync(body).toString()
  if (coding === 'br') return brotliDecompressSync(body).toString()
  return (coding === 'gzip' ? gunzipSync(body) : body).toString()
}

t.test('texts of Usher itself are compressed as the client allows', async (t) => {
  const usher = await startTestUsher(t, { settings: { USHER_COMPRESS: 'true' } })
  const somebody = usher.browser()
  const person = await usher.signedIn()

  async function coded(browser: Browser, path: string, headers: Record<string, string> = OWN) {
    const answer = await browser.get(path, headers)
    usher.canary.watchText(path, textOf(answer))
    return answer
  }

  const page = await coded(somebody, '/signin')
  t.match(page.headers, { 'content-encoding': 'zstd', vary: 'Accept-Encoding', 'cache-control': 'no-store' })
  t.equal(page.headers['content-length'], String(page.body.length))
  t.match(textOf(page), /^<!doctype html>.*<\/html>\n$/s)
  const style = /"(\/signin\/assets\/[^"]*\/style\.css)"/.exec(textOf(page))?.[1] ?? ''
  const plain = await somebody.get(style)
  t.match(plain.headers, { vary: 'Accept-Encoding', 'content-encoding': undefined })
  for (const coding of ['gzip', 'br', 'zstd', 'gzip']) {
    const packed = await coded(somebody, style, { 'accept-encoding': coding })
    t.equal(packed.headers['content-encoding'], coding)
    t.equal(textOf(packed), plain.text)
    t.ok(packed.body.length < plain.body.length / 3)
  }
  const font = /"(\/signin\/assets\/[^"]*\/figtree\.woff2)"/.exec(textOf(page))?.[1]
  const woff = await somebody.get(font ?? style.replace('style.css', 'figtree.woff2'), OWN)
  t.match(woff.headers, { 'content-encoding': undefined, vary: undefined, 'content-type': 'font/woff2' })

  const document = await coded(somebody, '/openapi.json')
  t.equal(document.headers['content-encoding'], 'zstd')
  t.equal(JSON.parse(textOf(document)).openapi, '3.1.0')
  const account = await coded(person, '/session/sessions')
  t.equal(JSON.parse(textOf(account)).sessions.length, 1)
  const devices = await coded(person, '/plex/api/v2/resources')
  t.equal(devices.headers['content-encoding'], 'zstd')
  t.ok(JSON.parse(textOf(devices)).length > 1)
  const short = await coded(person, '/session')
  t.equal(short.headers['content-encoding'], undefined, 'a short answer fits into a packet')
  const head = await person.ask('/signin', { method: 'HEAD', headers: OWN })
  t.match(head.headers, { 'content-encoding': undefined, vary: 'Accept-Encoding' })

  t.test('the media server, whatever the voice of the client', async (t) => {
    const path = '/pms/library/sections/1/all'
    const plain = await person.get(path, { accept: 'application/json' })
    t.equal(plain.headers['content-encoding'], undefined, 'an old television')
    for (const coding of ['gzip', 'br', 'zstd']) {
      const packed = await coded(person, path, { accept: 'application/json', 'accept-encoding': coding })
      t.equal(packed.headers['content-encoding'], coding)
      t.equal(textOf(packed), plain.text)
    }
    const { stdout } = await promisify(execFile)('curl', [
      '-sS',
      '--compressed',
      '-H',
      `Cookie: ${person.cookie}`,
      '-w',
      '\n%{size_download}',
      `${usher.publicUrl}${path}`
    ])
    const [xml = '', bytes] = stdout.split(/\n(\d+)$/)
    t.equal(xml, (await person.get(path, { accept: '*/*' })).text)
    t.ok(Number(bytes) < xml.length / 2)
    const poster = await person.get('/pms/library/metadata/1/thumb/1', OWN)
    t.match(poster.headers, { 'content-encoding': undefined, vary: undefined })
  })

  t.test('what another site may have caused is not compressed', async (t) => {
    for (const headers of [
      { ...OWN, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' },
      { ...OWN, 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'navigate' },
      { ...OWN, 'sec-fetch-site': 'same-site', origin: 'https://evil.example' },
      // A browser without Fetch Metadata, after a link that hides where it came from.
      { ...OWN, 'sec-fetch-site': undefined, accept: 'text/html' }
    ]) {
      const answer = await person.get('/signin?returnTo=/ida%40example.com', headers)
      t.equal(answer.status, 200)
      t.equal(answer.headers['content-encoding'], undefined, JSON.stringify(headers))
    }
    const typed = await person.get('/signin', { ...OWN, 'sec-fetch-site': 'none' })
    t.equal(typed.headers['content-encoding'], 'zstd', 'the address bar')
  })
})

t.test('USHER_COMPRESS=false compresses nothing', async (t) => {
  const usher = await startTestUsher(t, { settings: { USHER_COMPRESS: 'false' } })
  const person = await usher.signedIn()
  for (const path of ['/signin', '/openapi.json', '/pms/library/sections/1/all']) {
    const { headers } = await person.get(path, OWN)
    t.equal(headers['content-encoding'], undefined, path)
    t.notMatch(headers.vary ?? '', /accept-encoding/i, path)
  }
})

t.test('a longer text of Usher itself is compressed without keeping others waiting', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(compression, { crossSite: createCrossSiteCheck('http://127.0.0.1', []) })
  const text = JSON.stringify(Array.from({ length: 9000 }, (_, at) => ({ at, title: `Film ${at % 97}` })))
  app.get('/long', async (_request, reply) => reply.type('application/json').send(text))
  app.get('/broken', async () => {
    throw new Error(text)
  })
  for (const [coding, unpack] of [
    ['gzip', gunzipSync],
    ['br', brotliDecompressSync],
    ['zstd', zstdDecompressSync]
  ] as const) {
    const { headers, rawPayload } = await app.inject({ url: '/long', headers: { 'accept-encoding': coding } })
    t.equal(headers['content-encoding'], coding)
    t.equal(headers['content-length'], String(rawPayload.length))
    t.equal(unpack(rawPayload).toString(), text)
  }
  t.equal((await app.inject({ url: '/broken', headers: { 'accept-encoding': 'gzip' } })).statusCode, 500)
})
