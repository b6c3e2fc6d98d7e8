// The floor for anything on Node: node:http and undici's dispatch, a fixed token, no session, no router.
import { createServer } from 'node:http'
import pino from 'pino'
import { Pool } from 'undici'
import { TOKEN } from './session.js'

const { PORT, UPSTREAM, LOG } = process.env
const pool = new Pool(UPSTREAM, { connections: 256, pipelining: 1 })
const log = LOG === '1' ? pino(pino.destination({ dest: 1, sync: false, minLength: 8192 })) : null

const DROPPED = new Set(['connection', 'keep-alive', 'transfer-encoding', 'cookie', 'host', 'x-plex-token'])

function requestHeaders(raw) {
  const headers = []
  for (let i = 0; i < raw.length; i += 2) {
    if (!DROPPED.has(raw[i].toLowerCase())) headers.push(raw[i], raw[i + 1])
  }
  headers.push('X-Plex-Token', TOKEN)
  return headers
}

function responseHeaders(raw) {
  const headers = []
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i].toString('latin1')
    if (!DROPPED.has(name.toLowerCase())) headers.push(name, raw[i + 1].toString('latin1'))
  }
  return headers
}

class Forward {
  constructor(req, res) {
    this.req = req
    this.res = res
    this.startedAt = performance.now()
  }

  onRequestStart(controller) {
    this.res.on('close', () => {
      if (!this.res.writableFinished) controller.abort(new Error('client gone'))
    })
    this.res.on('drain', () => controller.resume())
  }

  onResponseStart(controller, statusCode) {
    this.res.sendDate = false
    this.res.writeHead(statusCode, responseHeaders(controller.rawHeaders))
  }

  onResponseData(controller, chunk) {
    if (!this.res.write(chunk)) controller.pause()
  }

  onResponseEnd() {
    this.res.end()
    log?.info(
      {
        method: this.req.method,
        path: this.req.url,
        statusCode: this.res.statusCode,
        ms: performance.now() - this.startedAt
      },
      'request'
    )
  }

  onResponseError() {
    this.res.destroy()
  }
}

createServer((req, res) => {
  const path = req.url.slice(4) // '/pms'
  pool.dispatch({ path, method: req.method, headers: requestHeaders(req.rawHeaders) }, new Forward(req, res))
}).listen(Number(PORT), '127.0.0.1')
