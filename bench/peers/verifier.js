// The least that nginx auth_request can use: opens an AES-256-GCM cookie (cached by value) and returns the token.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { SESSION } from './session.js'

const { PORT } = process.env
const key = Buffer.alloc(32, 7)
const opened = new Map()
const MAX_OPENED = 10_000

function seal(session) {
  const iv = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, iv)
  const body = Buffer.concat([cipher.update(JSON.stringify(session)), cipher.final()])
  return Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64url')
}

function open(value) {
  const bytes = Buffer.from(value, 'base64url')
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12))
  decipher.setAuthTag(bytes.subarray(12, 28))
  return JSON.parse(Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString())
}

function find(cookie) {
  const match = /(?:^|; )peer-session=([^;]*)/.exec(cookie ?? '')
  if (!match) return null
  const known = opened.get(match[1])
  if (known) return known
  try {
    const session = open(match[1])
    if (opened.size >= MAX_OPENED) opened.clear()
    opened.set(match[1], session)
    return session
  } catch {
    // Altered, or sealed with another key: not signed in.
    return null
  }
}

createServer((req, res) => {
  if (req.url === '/signin') {
    res.setHeader('Set-Cookie', `peer-session=${seal(SESSION)}; Path=/; HttpOnly`)
    return res.writeHead(204).end()
  }
  const session = find(req.headers.cookie)
  if (!session) return res.writeHead(401).end()
  res.writeHead(204, { 'X-Token': session.serverToken }).end()
}).listen(Number(PORT), '127.0.0.1')
