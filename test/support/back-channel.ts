import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { claimsOf } from './openid.ts'

export interface Told {
  readonly sub: string
  readonly sid: string
  readonly aud: string
  readonly events: object
  readonly token: string
}

export interface BackChannel {
  readonly uri: string
  readonly told: Told[]
  /** What it answers from now on; null does not answer. */
  answer: number | null
  /** Requests that came, answered or not. */
  readonly asked: number
  close(): Promise<void>
}

/** An app's server, as far as it is told of sign-outs; to a browser it shows a page. */
export async function startBackChannel(t: Test, port = 0): Promise<BackChannel> {
  const told: Told[] = []
  let asked = 0
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += String(chunk)
    })
    request.on('end', () => {
      if (request.method === 'GET') {
        response.writeHead(200, { 'content-type': 'text/html' })
        response.end('<!doctype html><title>app</title><link rel="icon" href="data:,"><p>In the app')
        return
      }
      asked += 1
      if (channel.answer === null) return
      if (channel.answer === 200) {
        const token = new URLSearchParams(body).get('logout_token') ?? ''
        told.push({ ...claimsOf(token), token })
      }
      response.writeHead(channel.answer, channel.answer === 302 ? { location: '/elsewhere' } : {})
      response.end()
    })
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const channel: BackChannel = {
    uri: `http://127.0.0.1:${(server.address() as AddressInfo).port}/logout`,
    told,
    answer: 200,
    get asked() {
      return asked
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      })
  }
  t.teardown(() => channel.close())
  return channel
}
