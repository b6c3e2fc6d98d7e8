import Fastify from 'fastify'
import t, { type Test } from 'tap'
import refusalLinks from '../../plugins/refusal-links.ts'
import { generateKey } from '../../src/app/commands.ts'
import { loadConfig } from '../../src/config/config.ts'
import { Problem } from '../../src/domain/problems.ts'
import { createKeyRing } from '../../src/seal/key-ring.ts'
import { createSeal } from '../../src/seal/seal.ts'

async function build(t: Test) {
  const clock = { now: 1_800_000_000_000 }
  const { sessionKeys } = loadConfig({
    USHER_PUBLIC_URL: 'https://usher.example.com',
    USHER_PMS_URL: 'http://pms.test',
    USHER_SESSION_KEYS: generateKey(clock.now)
  })
  const seal = createSeal(createKeyRing(sessionKeys), (purpose) => purpose)
  const fastify = Fastify()
  t.teardown(() => fastify.close())
  await fastify.register(refusalLinks, { seal, basePath: '/usher', now: () => clock.now })
  return { fastify, seal, clock }
}

const refusal = (accountName?: string) =>
  new Problem('USHER_SERVER_ACCESS_DENIED', {
    accountId: 7,
    ...(accountName !== undefined && { accountName })
  })

t.test('rule 61: only Usher’s own seal puts a name on the page, and for five minutes', async (t) => {
  const { fastify, seal, clock } = await build(t)
  const query = fastify.refusalQuery(refusal('Zoë 漢字 <b>'), '/films?a=1')
  t.equal(query.get('error'), 'USHER_SERVER_ACCESS_DENIED')
  t.equal(query.get('returnTo'), '/films?a=1')
  const who = query.get('who') ?? ''
  t.notMatch(query.toString(), /Zo(?:ë|%C3)|%E6%BC|%3Cb/, 'the address tells no name')
  t.equal(fastify.findRefusedName(who), 'Zoë 漢字 <b>')
  for (const forged of [
    undefined,
    '',
    'Ida',
    [who, who],
    `${who}x`,
    who.slice(0, -1),
    seal.seal('flow', ['Ida', clock.now + 1000]),
    seal.seal('refused', ['Ida']),
    seal.seal('refused', [7, clock.now + 1000]),
    seal.seal('refused', 'Ida')
  ])
    t.equal(fastify.findRefusedName(forged), null, String(forged).slice(0, 20))
  clock.now += 5 * 60_000
  t.equal(fastify.findRefusedName(who), null, 'and is gone after five minutes')
})

t.test('without a name there is no seal, and what is no problem is internal', async (t) => {
  const { fastify } = await build(t)
  t.equal(fastify.refusalQuery(refusal()).toString(), 'error=USHER_SERVER_ACCESS_DENIED')
  t.equal(fastify.refusalQuery(new Error('secret')).toString(), 'error=USHER_INTERNAL')
  t.equal(fastify.refusalQuery('USHER_SIGNIN_CANCELLED').toString(), 'error=USHER_SIGNIN_CANCELLED')
  const long = fastify.refusalQuery(refusal('x'.repeat(10_000))).get('who') ?? ''
  t.ok(long.length < 500, `${long.length} characters`)
})

t.test('a script is told of the page by a link', async (t) => {
  const { fastify } = await build(t)
  fastify.get('/named', async () => {
    throw refusal('Ida')
  })
  fastify.get('/nameless', async () => {
    throw refusal()
  })
  const { headers } = await fastify.inject('/named')
  t.match(headers.link, /^<\/usher\/signin\?error=USHER_SERVER_ACCESS_DENIED&who=[\w.-]+>; rel="help"$/)
  t.equal((await fastify.inject('/nameless')).headers.link, undefined)
})
