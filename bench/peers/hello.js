// The yardstick for start-up: Fastify with one route.
import fastify from 'fastify'

const app = fastify()
app.get('/healthz', async () => ({ status: 'ok' }))
await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT) })
