import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import t, { type Test } from 'tap'
import { exchange, startFront, TOKEN } from './front.ts'

/** A server whose answers are written by hand: Node's own would not send these bytes. */
async function startRaw(t: Test, head: () => string, body = 'abc'): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', () => {
      const answer = `HTTP/1.1 200 OK\r\n${head()}Content-Length: ${body.length}\r\n\r\n${body}`
      socket.write(Buffer.from(answer, 'latin1'))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const ASK = 'GET /library/parts/1/2/x.mkv HTTP/1.1\r\nHost: front\r\nConnection: close\r\n\r\n'
const utf8 = (text: string) => Buffer.from(text).toString('latin1')

for (const lane of [null, {}]) {
  t.test(`rule 89: bytes above ASCII in a head reach no client, ${lane ? 'lane' : 'undici'}`, async (t) => {
    let head = ''
    const origin = await startRaw(t, () => head)
    const front = await startFront(t, { origin, lane })
    front.call = { class: 'media' }
    const names: readonly (readonly [string, string])[] = [
      [utf8('千と千尋の神隠し.mkv'), `filename*=UTF-8''${encodeURIComponent('千と千尋の神隠し')}.mkv`],
      [utf8('Amélie.mkv'), "filename*=UTF-8''Am%C3%A9lie.mkv"],
      ['Am\u00e9lie.mkv', "filename*=UTF-8''Am%C3%A9lie.mkv"],
      ['\u00ff\u00fe.mkv', "filename*=UTF-8''%C3%BF%C3%BE.mkv"]
    ]
    for (const [name, expected] of names) {
      head = `Content-Type: video/x-matroska\r\nContent-Disposition: attachment; filename="${name}"\r\n`
      const answer = await exchange(front.port, ASK)
      t.match(answer, /^HTTP\/1\.1 200 /)
      t.ok(answer.toLowerCase().includes(expected.toLowerCase()), answer)
      t.match(answer, /\r\n\r\nabc$/)
      t.match(answer, /^[\t\r\n -~]*$/)
    }
    for (const name of [
      'ETag',
      'Vary',
      'Content-Language',
      'Last-Modified',
      'X-Plex-Activity',
      'Content-Type'
    ]) {
      head = `${name}: "${utf8('é')}"\r\n`
      const answer = await exchange(front.port, ASK)
      t.match(
        answer,
        new RegExp(`^HTTP/1\\.1 200 [^]*\r\n${name.toLowerCase()}: "%C3%A9"\r\n[^]*abc$`, 'i'),
        name
      )
    }
    t.ok(front.outcomes.every((outcome) => outcome === 'ok'))
  })

  t.test(`rule 56: no field repeats a token, ${lane ? 'lane' : 'undici'}`, async (t) => {
    let head = ''
    const origin = await startRaw(t, () => head)
    const front = await startFront(t, { origin, lane })
    const hex = Buffer.from(TOKEN).toString('hex')
    for (const name of [
      'ETag',
      'Content-Range',
      'Vary',
      'Last-Modified',
      'Expires',
      'Cache-Control',
      'Content-Language',
      'Content-Type',
      'Content-Disposition',
      'Accept-Ranges',
      'X-Plex-Activity',
      'X-Plex-Protocol',
      'X-Plex-Container-Start'
    ]) {
      for (const type of ['', 'Content-Type: image/png\r\n'].slice(name === 'Content-Type' ? 1 : 0)) {
        head = `${type}${name}: a, "${TOKEN}", ${hex}, X-Plex-Token=foreign-tok-0001, b\r\n`
        const answer = await exchange(front.port, ASK)
        t.match(answer, /^HTTP\/1\.1 200 /, name)
        t.notMatch(answer, new RegExp(`${TOKEN}|${hex}|foreign-tok`), name)
      }
    }
  })
}

t.test('documents and text are kept by no cache, pictures and media by one for one user', async (t) => {
  const front = await startFront(t)
  const said = async (type: string, kind: 'api' | 'media', field?: string, status = 200) => {
    front.call = { class: kind }
    front.upstream.answer = (_request, response) => {
      response.writeHead(status, {
        ...(type !== '' && { 'content-type': type }),
        ...(field !== undefined && { 'cache-control': field })
      })
      response.end()
    }
    return (await fetch(`${front.url}/x`)).headers.get('cache-control')
  }
  t.equal(await said('application/json', 'api'), 'no-store')
  t.equal(await said('text/xml;charset=utf-8', 'api', 'public, max-age=9'), 'no-store')
  t.equal(await said('', 'api', 'no-cache'), 'no-store')
  t.equal(await said('application/vnd.apple.mpegurl', 'media', 'max-age=9'), 'no-store')
  t.equal(await said('text/vtt', 'media'), 'no-store')
  t.equal(
    await said('image/jpeg', 'api', 'public, max-age=9'),
    'private, max-age=9, stale-while-revalidate=86400'
  )
  t.equal(await said('image/jpeg', 'api'), 'private, max-age=3600, stale-while-revalidate=86400')
  t.equal(await said('video/mp2t', 'media', 'no-cache'), 'private, no-cache')
  t.equal(await said('application/octet-stream', 'media', 's-maxage=1'), 'private')
  t.equal(
    await said('', 'api', 'public, max-age=9', 304),
    'private, max-age=9',
    'nothing of a document is kept'
  )
})
