// The measure for starting: Fastify with one route and nothing else.
import fastify from 'fastify'

const app = fastify()
app.get('/healthz', async () => ({ status: 'ok' }))
await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT) })
