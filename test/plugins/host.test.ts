import Fastify from 'fastify'
import t from 'tap'
import host from '../../plugins/host.ts'
import { Problem } from '../../src/domain/problems.ts'
import { sendRaw } from '../support/raw.ts'

t.test('rule 50: one Host, of this listener, or none where any will do', async (t) => {
  const foreign: string[] = []
  const asked: string[] = []
  const fastify = Fastify()
  t.teardown(() => fastify.close())
  await fastify.register(host, {
    isOwnHost: (name) => {
      asked.push(name)
      return name.startsWith('own')
    },
    remedy: 'Change this.',
    onForeignHost: (name) => foreign.push(name)
  })
  fastify.setErrorHandler((error, _request, reply) =>
    reply.code(error instanceof Problem ? error.status : 500).send({ detail: (error as Problem).detail })
  )
  fastify.get('/', async () => 'answer')
  fastify.get('/any', { config: { host: { any: 'a reason' } } }, async () => 'answer')
  const base = await fastify.listen({ host: '127.0.0.1', port: 0 })
  const ask = (path: string, version: string, ...hosts: readonly string[]) =>
    sendRaw(
      base,
      [
        `GET ${path} HTTP/${version}`,
        ...hosts.map((name) => `hOsT: ${name}`),
        'From: a',
        'Date: b',
        'Connection: close',
        '',
        ''
      ].join('\r\n')
    )
  t.equal((await ask('/', '1.1', '')).status, 400, 'an empty one, and nothing was accepted before')
  t.equal((await ask('/', '1.1', 'own')).status, 200)
  t.equal((await ask('/', '1.1', 'own')).status, 200)
  t.strictSame(asked, ['', 'own'], 'the last accepted host is not checked again')
  const refused = await ask('/', '1.1', 'other')
  t.equal(refused.status, 400)
  t.match(refused.text, 'Change this.')
  t.strictSame(foreign, ['', 'other'])
  for (const hosts of [
    ['own', 'own'],
    ['own', 'other'],
    ['other', 'own']
  ]) {
    for (const path of ['/', '/any']) {
      const two = await ask(path, '1.1', ...hosts)
      t.equal(two.status, 400, `${path} ${hosts}`)
      t.match(two.text, 'Exactly one Host header is required.')
    }
  }
  t.equal((await ask('/any', '1.1', 'other')).status, 200)
  t.equal((await ask('/any', '1.0')).status, 200)
  t.equal((await ask('/', '1.0')).status, 400)
  t.equal((await ask('/', '1.0', 'own')).status, 200)
})
