// What people assemble: express, iron-session and http-proxy-middleware, with a handler that adds the token.
import express from 'express'
import { createProxyMiddleware } from 'http-proxy-middleware'
import { getIronSession } from 'iron-session'
import { SESSION } from './session.js'

const { PORT, UPSTREAM, KEEP_ALIVE } = process.env
const options = {
  password: 'a password for the benchmark, long enough for iron',
  cookieName: 'peer-session',
  cookieOptions: { secure: false }
}

const app = express()

app.get('/signin', async (req, res) => {
  const session = await getIronSession(req, res, options)
  Object.assign(session, SESSION)
  await session.save()
  res.status(204).end()
})

app.use('/pms', async (req, res, next) => {
  const session = await getIronSession(req, res, options)
  if (!session.serverToken) return res.status(401).end()
  req.serverToken = session.serverToken
  next()
})

app.use(
  '/pms',
  createProxyMiddleware({
    target: UPSTREAM,
    // Since version 4 the package keeps connections by default; earlier versions opened one per request.
    ...(KEEP_ALIVE === '0' && { agent: false }),
    on: {
      proxyReq(proxyReq, req) {
        proxyReq.removeHeader('cookie')
        proxyReq.setHeader('X-Plex-Token', req.serverToken)
      }
    }
  })
)

app.listen(Number(PORT), '127.0.0.1')
