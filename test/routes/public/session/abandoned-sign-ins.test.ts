import t from 'tap'
import { FRIEND, PASSWORD, startTestUsher, type TestUsher } from '../../../support/usher.ts'

const NAVIGATION = {
  'sec-fetch-site': 'same-origin',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document'
}
const LOGIN = { login: FRIEND, password: PASSWORD }

/** A browser that has signed in here before and is signed out now: it has a client identifier of its own. */
async function returning(usher: TestUsher) {
  const browser = await usher.signedIn(FRIEND)
  await browser.post('/session/logout')
  return browser
}

t.test('a PIN that is claimed after its browser signed in another way breaks nothing', async (t) => {
  const usher = await startTestUsher(t)
  const { pins } = usher.simulator
  const newest = () => pins.list().at(-1)?.id ?? 0

  for (const givesUp of [true, false]) {
    const browser = await returning(usher)
    await browser.post('/session/pin', { kind: 'redirect' })
    const left = newest()
    if (givesUp) await browser.ask('/session/pin', { method: 'DELETE' })
    t.equal((await browser.post('/session/login', LOGIN)).status, 201)
    t.ok(pins.claim(left, 'friend'), 'the small window was still open')
    t.equal((await browser.get('/session/account')).status, 200, `password, given up: ${givesUp}`)
    await browser.post('/session/logout')
  }

  const browser = await returning(usher)
  await browser.post('/session/pin', { kind: 'redirect' })
  const left = newest()
  await browser.post('/session/pin', { kind: 'link' })
  pins.claim(newest(), 'friend')
  t.match((await browser.get('/session/pin')).json, { status: 'signed-in' })
  t.ok(pins.claim(left, 'friend'))
  t.equal((await browser.get('/session/account')).status, 200, 'a code')
  await browser.post('/session/logout')

  await browser.get('/session/login', NAVIGATION)
  const first = newest()
  await browser.ask('/session/pin', { method: 'DELETE' })
  await browser.get('/session/login', NAVIGATION)
  pins.claim(newest(), 'friend')
  await browser.get('/session/callback', NAVIGATION)
  t.ok(pins.claim(first, 'friend'))
  t.equal((await browser.get('/session/account')).status, 200, 'Plex’s page a second time')
})
