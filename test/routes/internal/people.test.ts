import t from 'tap'
import { hashSecret } from '../../../src/config/secret-hashes.ts'
import { FRIEND, OWNER, PASSWORD, startTestUsher } from '../../support/usher.ts'

t.test('a service with the grant sees and ends sessions, and blocks accounts', async (t) => {
  const secret = 'Watchman-secret_of-the-test-1234567890'
  const services = [
    { id: 'watchman', secretHashes: [hashSecret(secret)], grants: ['sessions'] },
    { id: 'other', secretHashes: [hashSecret(`${secret}x`)], grants: ['introspect'] }
  ]
  const usher = await startTestUsher(t, { settings: { USHER_SERVICES: JSON.stringify(services) } })
  const ask = async (path: string, method = 'GET', credentials = `watchman:${secret}`) => {
    const headers = { authorization: `Basic ${btoa(credentials)}` }
    const answer = await fetch(usher.internalUrl + path, { method, headers })
    const text = await answer.text()
    return { status: answer.status, json: text === '' ? null : JSON.parse(text) }
  }
  const owner = await usher.signedIn(OWNER)
  const { id } = (await owner.get('/session')).json.account
  t.equal((await ask(`/accounts/${id}/block`, 'PUT')).status, 400, 'the owner, who has only just signed in')
  const friend = await usher.signedIn(FRIEND)
  const { sessions } = (await ask('/sessions')).json
  t.equal(sessions.length, 2)
  t.notOk(sessions.some(({ current }: { current: boolean }) => current))
  const { handle, account } = sessions.find(
    (each: { account: { title: string } }) => each.account.title === 'friend'
  )
  t.equal((await ask(`/sessions?account=${account.id}`)).json.sessions.length, 1)
  t.equal((await ask('/accounts')).json.accounts.length, 2)
  t.equal((await ask(`/sessions/${handle}`, 'DELETE')).status, 204)
  t.equal((await friend.get('/session')).status, 401)
  t.equal((await ask(`/sessions/${handle}`, 'DELETE')).status, 404)
  t.equal((await ask(`/accounts/${account.id}/block`, 'PUT')).status, 204)
  t.equal((await usher.browser().post('/session/login', { login: FRIEND, password: PASSWORD })).status, 403)
  t.equal((await ask(`/accounts/${account.id}/block`, 'DELETE')).status, 204)
  const again = await usher.signedIn(FRIEND)
  t.equal((await ask(`/accounts/${account.id}`, 'DELETE')).status, 204)
  t.equal((await again.get('/session')).status, 401)
  t.equal((await owner.get('/session')).status, 200)
  for (const credentials of [`other:${secret}x`, 'watchman:wrong'])
    t.match(await ask('/sessions', 'GET', credentials), {
      status: credentials.startsWith('other') ? 403 : 401
    })
})
