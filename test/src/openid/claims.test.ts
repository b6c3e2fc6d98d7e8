import t from 'tap'
import { toClaims } from '../../../src/openid/claims.ts'
import { sampleSession } from '../session/sample.ts'

const ABOUT = { sid: 'sid', groups: ['owner', 'library:映画'], plexUrl: 'https://plex.tv' }
const { account } = sampleSession()

t.test('an account’s claims, and nothing besides', async (t) => {
  t.strictSame(toClaims({ account }, ABOUT), {
    sub: '13692262',
    sid: 'sid',
    preferred_username: 'simuser',
    name: 'Sim User',
    picture: 'https://plex.tv/users/212acf24b07315e5/avatar',
    email: 'sim@example.com',
    email_verified: true,
    groups: ['owner', 'library:映画']
  })
})

t.test(
  'an e-mail address that is not confirmed is not given, and none is not given as an empty one',
  async (t) => {
    for (const changes of [{ emailVerified: false }, { email: '' }]) {
      const claims = toClaims({ account: { ...account, ...changes } }, ABOUT)
      t.notOk('email' in claims || 'email_verified' in claims)
    }
  }
)

t.test('a managed user, who has no username, is called by the uuid', async (t) => {
  for (const username of ['', ' '])
    t.equal(toClaims({ account: { ...account, username } }, ABOUT)['preferred_username'], account.uuid)
})
