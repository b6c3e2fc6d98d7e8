import t from 'tap'
import { generateKey } from '../../../src/app/commands.ts'
import { skipWithout } from '../../support/programs.ts'
import { startRedis } from '../../support/redis.ts'
import { until } from '../../support/until.ts'
import { FRIEND, OWNER, startTestUsher } from '../../support/usher.ts'

const skip = skipWithout('redis-server')
const [FIRST, SECOND] = [generateKey(0), generateKey(Date.now())]
const kidOf = (key: string) => key.split(':')[0] ?? ''

/** The key that a sealed value names. */
function sealedWith(value: string | null): unknown {
  const header = Buffer.from(value?.split('.')[0] ?? '', 'base64url').toString()
  return header === '' ? null : (JSON.parse(header) as { kid: unknown }).kid
}

t.test('a key that is rotated by reloads takes nothing of the store with it', { skip }, async (t) => {
  const redis = await startRedis(t)
  const settings = { USHER_REDIS_URL: redis.url, USHER_SESSION_KEYS: FIRST }
  const usher = await startTestUsher(t, { settings })
  const owner = await usher.signedIn(OWNER)
  const friend = usher.simulator.accounts.list().find(({ login }) => login === FRIEND)?.id
  t.equal((await owner.ask(`/session/accounts/${friend}/block`, { method: 'PUT' })).status, 204)
  const [names = ''] = await redis.client.keys('*:names')
  t.equal(sealedWith(await redis.client.get(names)), kidOf(FIRST))

  const reload = (keys: string) => usher.core.reload.run({ ...usher.settings, USHER_SESSION_KEYS: keys })
  await reload(`${SECOND},${FIRST}`)
  await until(async () => sealedWith(await redis.client.get(names)) === kidOf(SECOND), 'names sealed again')
  t.equal((await owner.get('/session')).status, 200)
  await reload(SECOND)
  t.equal((await owner.get('/session')).status, 200, 'its cookie was sealed again')
  const told = await owner.get('/session/accounts')
  t.match(
    told.json.accounts.find(({ id }: { id: number }) => id === friend),
    { blocked: true }
  )

  const after = await startTestUsher(t, {
    simulator: usher.simulator,
    settings: {
      ...settings,
      USHER_SESSION_KEYS: SECOND,
      USHER_PUBLIC_URL: usher.settings['USHER_PUBLIC_URL'],
      USHER_PORT: '0'
    }
  })
  t.equal(sealedWith(await redis.client.get(names)), kidOf(SECOND))
  await t.rejects(after.signedIn(FRIEND), /403/, 'the block outlives the key that it was sealed with')
})
