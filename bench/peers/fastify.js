// The Fastify ecosystem's default: @fastify/secure-session in front of @fastify/http-proxy.
import proxy from '@fastify/http-proxy'
import secureSession from '@fastify/secure-session'
import fastify from 'fastify'
import { SESSION } from './session.js'

const { PORT, UPSTREAM } = process.env
const app = fastify()

await app.register(secureSession, {
  key: Buffer.alloc(32, 7),
  cookieName: 'peer-session',
  cookie: { path: '/', httpOnly: true }
})

app.get('/signin', async (request, reply) => {
  for (const [name, value] of Object.entries(SESSION)) request.session.set(name, value)
  return reply.code(204).send()
})

await app.register(proxy, {
  upstream: UPSTREAM,
  prefix: '/pms',
  async preHandler(request, reply) {
    if (!request.session.get('serverToken')) return reply.code(401).send()
  },
  replyOptions: {
    rewriteRequestHeaders(request, headers) {
      const { cookie: _, ...rest } = headers
      return { ...rest, 'x-plex-token': request.session.get('serverToken') }
    }
  }
})

await app.listen({ host: '127.0.0.1', port: Number(PORT) })
