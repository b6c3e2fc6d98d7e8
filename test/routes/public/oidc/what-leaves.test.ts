import t from 'tap'
import { startBackChannel } from '../../../support/back-channel.ts'
import {
  authRequest,
  claimsOf,
  enter,
  KEYS,
  makeKey,
  navigate,
  SECRET,
  startOpenId,
  type Tokens,
  userinfo
} from '../../../support/openid.ts'
import { skipWithout } from '../../../support/programs.ts'
import { startRedis } from '../../../support/redis.ts'
import { until } from '../../../support/until.ts'
import { FRIEND } from '../../../support/usher.ts'

const APP = { id: 'app', secret: SECRET }

/** A JWT with its parts readable. */
const opened = (jwt: string) =>
  jwt
    .split('.')
    .map((part) => Buffer.from(part, 'base64url').toString('latin1'))
    .join(' ')

t.test(
  'rule 56: no Plex token is in any JWT, in userinfo, in Redis or in a log line',
  { skip: skipWithout('redis-server') },
  async (t) => {
    const redis = await startRedis(t)
    const channel = await startBackChannel(t)
    const usher = await startOpenId(t, [{ ...APP, refresh: true, backchannelLogoutUri: channel.uri }], {
      settings: { USHER_REDIS_URL: redis.url }
    })
    await until(() => usher.core.state.isSharedUp(), 'Redis is up')
    const browser = await usher.signedIn()
    const friend = await usher.signedIn(FRIEND)
    const tokens: Tokens[] = [await enter(usher, browser, APP), await enter(usher, friend, APP)]
    await navigate(usher.browser(), authRequest(APP.id).path)
    const plex = usher.simulator.tokens.living().map(({ token }) => token)
    t.ok(plex.length >= 2)
    const stored: string[] = []
    for (const key of await redis.client.keys('*')) {
      stored.push(key)
      const type = await redis.client.type(key)
      if (type === 'hash') stored.push(JSON.stringify(await redis.client.hgetall(key)))
      if (type === 'zset') stored.push(...(await redis.client.zrange(key, '0', '-1')))
      if (type === 'string') stored.push((await redis.client.get(key)) ?? '')
    }
    t.ok(
      stored.some((text) => text.includes('sealed')),
      'sign-ins are there'
    )
    await browser.post('/session/logout')
    await until(() => channel.told.length === 1, 'told')
    const seen = [
      ...stored,
      ...tokens.map((each) => opened(each.id_token)),
      opened(channel.told[0]?.token ?? ''),
      (await userinfo(usher, tokens[1]?.access_token ?? '')).text,
      JSON.stringify(usher.logs)
    ].join('\n')
    for (const token of plex) t.notOk(seen.includes(token), 'a Plex token')
    for (const { access_token: access, refresh_token: refresh = 'none' } of tokens)
      t.notOk(stored.join('\n').includes(access) || stored.join('\n').includes(refresh), 'an app’s token')
    t.notMatch(stored.join('\n'), SECRET)
  }
)

t.test('the first key of an algorithm signs, all are published, and an app may want ES256', async (t) => {
  const { keys } = JSON.parse(KEYS) as { keys: { alg: string; kid: string }[] }
  const usher = await startOpenId(t, [APP, { id: 'curve', secret: `${SECRET}2`, idTokenAlg: 'ES256' }], {
    settings: { USHER_OIDC_KEYS: JSON.stringify({ keys: [...keys, makeKey('RS256', 'next')] }) }
  })
  const browser = await usher.signedIn()
  const headerOf = (jwt: string) => JSON.parse(Buffer.from(jwt.split('.')[0] ?? '', 'base64url').toString())
  t.match(headerOf((await enter(usher, browser, APP)).id_token), { alg: 'RS256', kid: 'r1' })
  const curve = await enter(usher, browser, { id: 'curve', secret: `${SECRET}2` })
  t.match(headerOf(curve.id_token), { alg: 'ES256', kid: 'e1' })
  const { json } = await usher.browser().get('/oidc/jwks')
  t.strictSame(
    json.keys.map(({ kid }: { kid: string }) => kid),
    ['r1', 'e1', 'next']
  )
})

t.test(
  'a managed user has a uuid for a name and no address, and is not who opened the profile',
  async (t) => {
    const usher = await startOpenId(t, [APP])
    const browser = await usher.signedIn()
    const opener = claimsOf((await enter(usher, browser, APP)).id_token)
    const kid = usher.simulator.accounts.list().find(({ key }) => key === 'kid')
    const pin = kid?.homePin === null ? {} : { pin: kid?.homePin }
    t.equal((await browser.post('/session/home/switch', { uuid: kid?.uuid, ...pin })).status, 201)
    const claims = claimsOf((await enter(usher, browser, APP)).id_token)
    t.match(claims, { sub: String(kid?.id), preferred_username: kid?.uuid, groups: ['home'] })
    t.notOk('email' in claims || 'email_verified' in claims)
    t.not(claims.sid, opener.sid)
  }
)

t.test(
  'a store that is away is 503 with a page for whoever comes back from signing in',
  { skip: skipWithout('redis-server') },
  async (t) => {
    const redis = await startRedis(t)
    const usher = await startOpenId(t, [APP], { settings: { USHER_REDIS_URL: redis.url } })
    await until(() => usher.core.state.isSharedUp(), 'Redis is up')
    const browser = usher.browser()
    const step = (await navigate(browser, authRequest(APP.id).path)).headers.location ?? ''
    await redis.kill()
    await until(() => usher.core.state.isSharedUp() === false, 'Redis is away')
    const page = await navigate(browser, step)
    t.equal(page.status, 503)
    t.match(page.text, /Nobody was signed out/)
  }
)
