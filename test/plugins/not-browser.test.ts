import Fastify from 'fastify'
import t from 'tap'
import notBrowser from '../../plugins/not-browser.ts'
import { Problem } from '../../src/domain/problems.ts'

t.test('rule 64: each mark of a browser is refused, but where a browser is allowed', async (t) => {
  const fastify = Fastify()
  t.teardown(() => fastify.close())
  await fastify.register(notBrowser)
  fastify.setErrorHandler((error, _request, reply) =>
    reply.code(error instanceof Problem ? error.status : 500).send({ code: (error as Problem).code })
  )
  t.ok(fastify.hasPlugin('not-browser'))
  fastify.get('/', async () => 'answer')
  fastify.get('/page', { config: { browser: { allowed: 'a reason' } } }, async () => 'answer')
  for (const headers of [
    { origin: 'null' },
    { 'sec-fetch-site': 'none' },
    { 'sec-fetch-dest': 'empty' },
    { 'sec-fetch-user': '?1' },
    { cookie: 'usher=x' },
    { cookie: 'a=b; __Host-usher-signin=x' },
    { cookie: 'a=b;\t__Secure-usher-den=x' },
    { cookie: 'a=b;usher=x' },
    { cookie: 'a=b;  \t USHER-device=' },
    { cookie: ' usher=x' },
    { cookie: '__host-usher-a-b-signin=x' }
  ]) {
    const answer = await fastify.inject({ url: '/', headers })
    t.equal(answer.statusCode, 403, JSON.stringify(headers))
    t.match(answer.json(), { code: 'USHER_BROWSER_REFUSED' })
    t.equal((await fastify.inject({ url: '/page', headers })).statusCode, 200)
  }
  for (const headers of [
    {},
    { 'sec-fetch-mode': 'cors' },
    { cookie: 'theme=usher=x' },
    { cookie: 'gusher=x' },
    { cookie: 'ushers=x' },
    { cookie: 'usher' },
    { cookie: 'usher;a=x' },
    { cookie: 'usher-a;b=x' },
    { cookie: 'a=b; __Other-usher=x' },
    { cookie: 'a=b; __Host-x; c=usher=1' },
    { cookie: 'xusher-signin=x' },
    { cookie: '' }
  ])
    t.equal((await fastify.inject({ url: '/', headers })).statusCode, 200, JSON.stringify(headers))
})
