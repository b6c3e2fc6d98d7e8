import t, { type Test } from 'tap'
import type { Browser } from '../../../support/browser.ts'
import { startStage } from '../../../support/forward-auth.ts'
import { USHER_HOST } from '../../../support/site.ts'
import { OWNER, startTestUsher } from '../../../support/usher.ts'

const APPS = JSON.stringify([
  {
    id: 'photos',
    name: 'Photos',
    url: 'https://photos.example.com',
    hosts: ['photos.example.com', 'pictures.example.com:8443'],
    access: { roles: ['owner'], accounts: [4711] },
    headers: { Authorization: 'Bearer a-token-of-the-app' }
  },
  {
    id: 'films',
    name: 'Films',
    url: 'https://films.test',
    access: { libraries: ['Shows'] },
    headers: { 'X-Api-Key': 'k' }
  },
  { id: 'wiki', name: 'Wiki', url: 'https://wiki.example.com', hosts: ['wiki.example.com'] },
  { id: 'staff', name: 'Staff', url: 'https://staff.test', access: { groups: ['staff'] } }
])
const GROUPS = JSON.stringify({
  staff: ['role:owner'],
  'film fans': ['library:Movies'],
  千尋: ['role:shared']
})

async function start(t: Test) {
  const { usher, signIn } = await startStage(t, { USHER_APPS: APPS, USHER_GROUPS: GROUPS })
  return { usher, owner: await signIn('owner'), friend: await signIn('friend') }
}

t.test('an app’s own access decides, and an unknown app is 403', async (t) => {
  const { usher, owner, friend } = await start(t)
  const statuses = async (browser: typeof owner) => {
    const found: number[] = []
    for (const app of ['photos', 'films', 'wiki', 'staff', 'nothing'])
      found.push((await browser.get(`/session/verify?app=${app}`)).status)
    return found
  }
  t.strictSame(await statuses(owner), [204, 204, 204, 204, 403])
  t.strictSame(await statuses(friend), [403, 204, 204, 403, 403])
  usher.simulator.libraries.hide('friend', 'Shows')
  t.equal((await usher.browser().get('/session/verify?app=wiki')).status, 401)
})

t.test('its headers go to it alone, and every name is on every answer', async (t) => {
  const { usher, owner, friend } = await start(t)
  const headers = async (browser: typeof owner, app: string) => {
    const { authorization, 'x-api-key': key } = (await browser.get(`/session/verify${app}`)).headers
    return [authorization, key]
  }
  t.strictSame(await headers(owner, '?app=photos'), ['Bearer a-token-of-the-app', ''])
  t.strictSame(await headers(owner, '?app=films'), ['', 'k'])
  t.strictSame(await headers(owner, ''), ['', ''])
  t.strictSame(await headers(friend, '?app=photos'), ['', ''], 'denied')
  t.strictSame(await headers(usher.browser(), '?app=photos'), ['', ''], 'nobody signed in')
  t.notMatch(JSON.stringify(usher.logs), /a-token-of-the-app/)
})

t.test('one rule serves all apps: the host of a trusted proxy names the app', async (t) => {
  const { friend } = await start(t)
  const at = async (host: string) =>
    (await friend.get('/session/verify', { 'x-forwarded-host': host, 'x-forwarded-proto': 'https' })).status
  t.equal(await at('photos.example.com'), 403)
  t.equal(await at('PHOTOS.example.com:443'), 403)
  t.equal(await at('pictures.example.com:8443'), 403)
  t.equal(await at('wiki.example.com'), 204)
  t.equal(await at('elsewhere.example.com'), 204, 'a host of no app: whoever may sign in')
})

t.test('the same in the segment of ext-authz', async (t) => {
  const { friend } = await start(t)
  t.equal((await friend.get('/session/verify/ext-authz/app=photos/any')).status, 403)
  t.equal((await friend.get('/session/verify/ext-authz/app=wiki/any?app=photos')).status, 200)
})

t.test('Remote-Groups: role, groups, and the libraries that the configuration names', async (t) => {
  const { owner, friend } = await start(t)
  const groups = async (browser: Browser) => {
    const { headers } = await browser.get('/session/verify')
    return Buffer.from(String(headers['remote-groups']), 'latin1').toString()
  }
  t.equal(await groups(owner), 'owner,staff,film fans,library:Movies,library:Shows')
  t.equal(await groups(friend), 'shared,film fans,千尋,library:Movies,library:Shows')
})

t.test('however many groups there are, the headers stay below 3 KB and the role stays', async (t) => {
  const many = Object.fromEntries(
    Array.from({ length: 60 }, (_, index) => [`group ${index} ${'x'.repeat(100)}`, ['role:owner']])
  )
  const usher = await startTestUsher(t, { settings: { USHER_GROUPS: JSON.stringify(many) } })
  const { headers } = await (await usher.signedIn(OWNER)).get('/session/verify')
  const groups = String(headers['remote-groups'])
  t.ok(groups.startsWith('owner,group 0 '))
  t.ok(groups.length < 3072)
})

t.test('an app that needs a library nobody knows of is 403, and nobody is signed out', async (t) => {
  const { usher, friend } = await start(t)
  await usher.simulator.pmsDown()
  t.equal((await friend.get('/session/verify?app=films')).status, 403)
  t.equal((await friend.get('/session/verify?app=wiki')).status, 204)
  t.equal((await friend.get('/session', { host: USHER_HOST })).status, 200)
})
