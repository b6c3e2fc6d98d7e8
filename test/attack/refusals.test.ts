import t from 'tap'
import { FRIEND, OWNER, PASSWORD, startTestUsher, type TestUsher } from '../support/usher.ts'

const OWNER_ID = 13_692_262
const FRIEND_ID = 7_654_321
const ADDRESS = '203.0.113.50'

const from = (address: string) => ({ 'x-forwarded-for': address })

/** The lines of a message, without what every line has. */
function linesOf({ logs }: TestUsher, message: string): readonly Record<string, unknown>[] {
  return logs.filter(({ msg }) => msg === message)
}

t.test('rule 100: every refusal of a person says address, account where known, and reason', async (t) => {
  const usher = await startTestUsher(t, { settings: { USHER_ALLOWED_ACCOUNTS: String(OWNER_ID) } })
  const stranger = usher.browser()
  await stranger.post('/session/login', { login: 'nobody', password: 'x' }, from(ADDRESS))
  await stranger.post('/session/login', { login: FRIEND, password: PASSWORD }, from(ADDRESS))
  t.match(linesOf(usher, 'sign-in failed'), [
    { address: ADDRESS, method: 'password', code: 'USHER_CREDENTIALS_REJECTED' },
    { address: ADDRESS, accountId: FRIEND_ID, method: 'password', code: 'USHER_ACCOUNT_BLOCKED' }
  ])

  const owner = await usher.signedIn(OWNER)
  await owner.post('/session/logout', {}, { ...from(ADDRESS), 'sec-fetch-site': 'cross-site' })
  t.match(linesOf(usher, 'cross-site request refused'), [{ address: ADDRESS, reason: 'sec_fetch_site' }])

  await owner.get('/session/verify?role=admin', from(ADDRESS))
  t.match(linesOf(usher, 'access refused'), [{ address: ADDRESS, accountId: OWNER_ID, reason: /\w/ }])

  for (let times = 0; times < 12; times += 1)
    await usher.browser().post('/session/login', { login: `n${times}`, password: 'x' }, from(ADDRESS))
  t.match(linesOf(usher, 'rate limited')[0], { address: ADDRESS, limit: /^login_/ })
})
