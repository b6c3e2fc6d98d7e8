import { connect } from 'node:net'
import t from 'tap'
import { BOX_ID } from '../simulator/servers.ts'
import { until } from '../support/until.ts'
import { startTestUsher } from '../support/usher.ts'
import { startMachine } from './machine.ts'

t.test('rule 85: a request whose session ends while it waits is not sent', async (t) => {
  const machine = await startMachine(t, BOX_ID)
  const usher = await startTestUsher(t, { settings: { USHER_PMS_URL: `http://127.0.0.1:${machine.port}` } })
  const browser = await usher.signedIn()
  t.equal((await browser.get('/pms/library/sections')).status, 200)
  const { host, hostname, port } = new URL(usher.publicUrl)
  const socket = connect(Number(port), hostname)
  t.teardown(() => socket.destroy())
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1')
  })
  socket.write(
    `POST /pms/:/timeline HTTP/1.1\r\nHost: ${host}\r\nSec-Fetch-Site: same-origin\r\nCookie: ${browser.cookie}\r\n` +
      'Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 7\r\n\r\nstate='
  )
  await until(() => socket.bytesWritten > 0)
  await browser.get('/session?slide=false')
  const before = machine.tokens.length
  t.equal((await browser.post('/session/logout')).status, 204)
  socket.write('x')
  await until(() => text !== '')
  t.match(text, /^HTTP\/1\.1 401 [\s\S]*USHER_SESSION_REVOKED/)
  t.equal(machine.tokens.length, before, 'its token stays here')
})

t.test('rule 85: nor is one that waits for a connection, or for a retry', async (t) => {
  const held: (() => void)[] = []
  const machine = await startMachine(t, BOX_ID, 0, (request, response) => {
    if (request.url === '/library/sections') response.end('{}')
    else if (request.url === '/library/all?again') request.socket.destroy()
    else held.push(() => response.end('{}'))
  })
  const usher = await startTestUsher(t, { settings: { USHER_PMS_URL: `http://127.0.0.1:${machine.port}` } })
  const browser = await usher.signedIn()
  t.equal((await browser.get('/pms/library/sections')).status, 200)
  // As many as an account may have under way, and one more.
  const first = Array.from({ length: 64 }, () => browser.get('/pms/library/onDeck'))
  await until(() => held.length === 64)
  const waiting = browser.get('/pms/library/recentlyAdded')
  await browser.get('/healthz')
  const before = machine.tokens.length
  t.equal((await browser.post('/session/logout')).status, 204)
  for (const release of held) release()
  const answer = await waiting
  t.match([answer.status, answer.json.code], [401, 'USHER_SESSION_REVOKED'])
  t.equal(machine.tokens.length, before)
  await Promise.all(first)
})
