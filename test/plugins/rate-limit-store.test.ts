import t from 'tap'
import { skipWithout } from '../support/programs.ts'
import { type RedisServer, startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { OWNER, startTestUsher } from '../support/usher.ts'

const skip = skipWithout('redis-server')

/** Every key and value there is. */
async function contents({ client }: RedisServer): Promise<string> {
  const keys = await client.keys('*')
  const values = keys.map(async (key) => {
    switch (await client.type(key)) {
      case 'zset':
        return (await client.zrange(key, 0, '-1', 'WITHSCORES')).join('\n')
      case 'hash':
        return JSON.stringify(await client.hgetall(key))
      case 'stream':
        return JSON.stringify(await client.xrange(key, '-', '+'))
      default:
        return client.get(key)
    }
  })
  return [...keys, ...(await Promise.all(values))].join('\n')
}

t.test('limits count in Redis, which learns no token, no login and no address', { skip }, async (t) => {
  const redis = await startRedis(t)
  const usher = await startTestUsher(t, { settings: { USHER_REDIS_URL: redis.url } })
  const stranger = usher.browser()
  const attempt = () => stranger.post('/session/login', { login: 'nobody@example.com', password: 'wrong' })
  for (let times = 0; times < 10; times += 1) t.equal((await attempt()).status, 401)
  t.match((await attempt()).json, { status: 429, code: 'USHER_RATE_LIMITED' })

  const owner = await usher.signedIn()
  await owner.post('/session/logout', { everywhere: true })
  await until(async () => (await contents(redis)).includes('\na:'), 'both are stored')
  const text = await contents(redis)
  t.match(text, /^usher:\{[\w-]{22}\}:limit:[\w-]{22}$/m)
  t.match(text, /^s:[\w-]{22}$/m)
  t.notMatch(text, new RegExp(`nobody|${OWNER}|198\\.51`))
  // The canary fails this test should a token be there.
  usher.canary.watchText('Redis', text)
})

t.test('rule 66: Redis away costs an answer neither its limit nor an error', { skip }, async (t) => {
  const redis = await startRedis(t)
  const usher = await startTestUsher(t, { settings: { USHER_REDIS_URL: redis.url } })
  const stranger = usher.browser()
  const attempt = () => stranger.post('/session/login', { login: 'nobody@example.com', password: 'wrong' })
  for (let times = 0; times < 5; times += 1) t.equal((await attempt()).status, 401)
  await redis.kill()
  for (let times = 0; times < 5; times += 1) t.equal((await attempt()).status, 401)
  t.equal((await attempt()).status, 429)
  t.equal((await (await usher.signedIn()).get('/session')).status, 200)
})
