import t from 'tap'
import { isSecretOf } from '../../../src/openid/seams.ts'
import { startBackChannel } from '../../support/back-channel.ts'
import {
  authRequest,
  basic,
  claimsOf,
  enter,
  getCode,
  hashOf,
  navigate,
  post,
  SECRET,
  startOpenId
} from '../../support/openid.ts'
import { until } from '../../support/until.ts'
import { FRIEND } from '../../support/usher.ts'

const APP = { id: 'immich', secret: SECRET }

t.test('the installed library is the one that the seams were written for', async (t) => {
  const { default: pinned } = await import('../../../package.json', { with: { type: 'json' } })
  t.match(pinned.dependencies['oidc-provider'], /^9\.13\.\d+$/, 'exactly')
})

t.test('seam Session.get: the provider’s session is Usher’s, and there is no other', async (t) => {
  const usher = await startOpenId(t, [APP])
  const browser = await usher.signedIn()
  const first = claimsOf((await enter(usher, browser, APP)).id_token)
  t.equal(first.sub, String((await browser.get('/session')).json.account.id))
  t.notOk(
    [...browser.jar.keys()].some((name) => name.includes('oidc')),
    'no cookie of the provider stays'
  )
  // As another account in the same browser, with no step between.
  await browser.post('/session/login', { login: FRIEND, password: 'correct-horse' })
  const second = claimsOf((await enter(usher, browser, APP)).id_token)
  t.not(second.sub, first.sub)
  t.not(second.sid, first.sid)
  await browser.post('/session/logout')
  const request = authRequest(APP.id, { prompt: 'none' })
  t.match((await navigate(browser, request.path)).headers.location, /error=login_required/)
})

t.test(
  'seam compareClientSecret: a secret is held against hashes, in either form of authentication',
  async (t) => {
    const next = `${SECRET}-next`
    const usher = await startOpenId(t, [{ id: APP.id, secretHashes: [hashOf(SECRET), hashOf(next)] }])
    const browser = await usher.signedIn()
    const ask = async (given: string, form: 'basic' | 'post') => {
      const request = authRequest(APP.id)
      const body = {
        grant_type: 'authorization_code',
        code: await getCode(browser, request),
        redirect_uri: 'https://app.example/callback',
        code_verifier: request.verifier
      }
      const answer =
        form === 'basic'
          ? await post(usher, '/oidc/token', body, basic({ id: APP.id, secret: given }))
          : await post(usher, '/oidc/token', { ...body, client_id: APP.id, client_secret: given })
      return answer.status
    }
    for (const form of ['basic', 'post'] as const) {
      t.equal(await ask(SECRET, form), 200, form)
      t.equal(await ask(next, form), 200, `${form}, while it is changed`)
      t.equal(await ask('wrong', form), 401, form)
      t.equal(await ask(`${hashOf(SECRET)} ${hashOf(next)}`, form), 401, 'the hashes are no secret')
    }
    t.notOk(isSecretOf([], ''))
  }
)

t.test(
  'seam backchannelLogout: what the library would send at once is queued, and sent signed',
  async (t) => {
    const channel = await startBackChannel(t)
    const usher = await startOpenId(t, [{ ...APP, backchannelLogoutUri: channel.uri }])
    const browser = await usher.signedIn()
    await enter(usher, browser, APP)
    const page = await navigate(browser, '/oidc/logout')
    const [, xsrf = ''] = /name="xsrf" value="([^"]+)"/.exec(page.text) ?? []
    channel.answer = null
    const answer = await browser.ask('/oidc/logout/confirm', {
      method: 'POST',
      body: new URLSearchParams({ xsrf, logout: 'yes' }).toString(),
      headers: { 'content-type': 'application/x-www-form-urlencoded' }
    })
    t.equal(answer.status, 303)
    const failures = usher.logs.filter(({ msg }) => msg === 'app could not be told')
    t.strictSame(failures, [], 'nobody waits until an app that hangs is given up')
    channel.answer = 200
    await until(() => channel.told.length === 1, 'told later')
    t.equal(channel.told[0]?.aud, APP.id)
  }
)

t.test('seam Grant: the same browser and app have one grant, whoever asks at once', async (t) => {
  const usher = await startOpenId(t, [{ ...APP, refresh: true }])
  const browser = await usher.signedIn()
  const both = await Promise.all([enter(usher, browser, APP), enter(usher, browser, APP)])
  const last = await enter(usher, browser, APP, { scope: 'openid' })
  const { store } = usher.core.state
  const session = (await browser.get('/session')).json
  const [record] = await store.find({ kind: 'sign-in', tag: `account ${session.account.id}` })
  const { uid } = JSON.parse(record ?? '{}')
  t.equal((await store.find({ kind: 'grant', tag: `uid ${uid}` })).length, 1)
  for (const tokens of [...both, last]) {
    const answer = await post(
      usher,
      '/oidc/token',
      { grant_type: 'refresh_token', refresh_token: tokens.refresh_token ?? '' },
      basic(APP)
    )
    t.equal(answer.status, 200, 'a later sign-in kills no token of an earlier one')
  }
})
