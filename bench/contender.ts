import { fileURLToPath } from 'node:url'
import { freePort } from '../test/support/ports.ts'
import { besideOthers, IDLE_COOKIE } from './cookies.ts'
import type { Cores } from './cores.ts'
import { launchNginx, proxyConf } from './nginx.ts'
import { LARGE_BYTES, PATHS, SMALL_BYTES } from './payload.ts'
import { ask, type Launched, launch, waitFor } from './process.ts'

export interface Surroundings {
  readonly cores: Cores
  /** The media server that every contender forwards to. */
  readonly upstream: string
  readonly directory: string
}

export interface Contender {
  readonly id: string
  readonly label: string
  start(surroundings: Surroundings): Promise<Running>
}

export interface Running {
  readonly id: string
  /** Base of the media server's paths at the contender. */
  readonly url: string
  readonly cookie: string
  readonly pids: readonly number[]
  stop(): Promise<void>
}

const TOKEN = 'sim-own-tok-Bench001'

function peer(name: string): string {
  return fileURLToPath(new URL(`peers/${name}.js`, import.meta.url))
}

async function launchPeer(
  name: string,
  env: Readonly<Record<string, string>>,
  { cores, upstream }: Surroundings
): Promise<{ readonly origin: string; readonly process: Launched }> {
  const port = await freePort()
  const process_ = launch({
    command: process.execPath,
    args: [peer(name)],
    env: { NODE_ENV: 'production', PORT: String(port), UPSTREAM: upstream, ...env },
    core: cores.proxy
  })
  return { origin: `http://127.0.0.1:${port}`, process: process_ }
}

function nodePeer(
  id: string,
  label: string,
  file: string,
  env: Readonly<Record<string, string>>,
  hasSession: boolean
): Contender {
  return {
    id,
    label,
    async start(surroundings) {
      const { origin, process: process_ } = await launchPeer(file, env, surroundings)
      const cookie = hasSession ? await signInAt(origin) : IDLE_COOKIE
      return { id, url: `${origin}/pms`, cookie, pids: [process_.pid], stop: process_.stop }
    }
  }
}

async function signInAt(origin: string): Promise<string> {
  return besideOthers(cookiesOf((await waitFor(`${origin}/signin`)).headers['set-cookie']))
}

/** The `Cookie` header that a browser would send back. */
export function cookiesOf(setCookie: string | string[] | undefined): string {
  return [setCookie ?? []]
    .flat()
    .map((line) => line.split(';', 1)[0] ?? '')
    .join('; ')
}

function nginxPeer(id: string, label: string, compresses: boolean): Contender {
  return {
    id,
    label,
    async start({ cores, upstream, directory }) {
      const port = await freePort()
      const process_ = launchNginx(
        id,
        proxyConf(port, upstream, TOKEN, null, compresses),
        directory,
        cores.proxy
      )
      const url = `http://127.0.0.1:${port}/pms`
      return { id, url, cookie: IDLE_COOKIE, pids: [process_.pid], stop: process_.stop }
    }
  }
}

const authRequest: Contender = {
  id: 'auth-request',
  label: 'nginx auth_request, bare Node verifier',
  async start(surroundings) {
    const verifier = await launchPeer('verifier', {}, surroundings)
    const cookie = await signInAt(verifier.origin)
    const port = await freePort()
    const conf = proxyConf(port, surroundings.upstream, TOKEN, verifier.origin)
    const process_ = launchNginx('auth-request', conf, surroundings.directory, surroundings.cores.proxy)
    return {
      id: 'auth-request',
      url: `http://127.0.0.1:${port}/pms`,
      cookie,
      pids: [process_.pid, verifier.process.pid],
      async stop() {
        await Promise.all([process_.stop(), verifier.process.stop()])
      }
    }
  }
}

/** All contenders but Usher. Peers write no request log, which favours them. */
export const PEERS: readonly Contender[] = [
  nginxPeer('nginx', 'nginx, fixed token, no session', false),
  nodePeer('bare', 'bare node:http + undici, no session', 'bare', { LOG: '0' }, false),
  nodePeer('bare-logged', 'the same with a log line', 'bare', { LOG: '1' }, false),
  authRequest,
  nodePeer('fastify', 'Fastify, secure-session, http-proxy', 'fastify', {}, true),
  nodePeer('express', 'express, iron-session, http-proxy-middleware', 'express', { KEEP_ALIVE: '1' }, true),
  nodePeer('express-closing', 'the same, a connection a request', 'express', { KEEP_ALIVE: '0' }, true),
  nginxPeer('nginx-gzip', 'nginx with gzip on', true)
]

/** Throws unless the contender forwards with a token and without the cookie, and returns the exact bytes. */
export async function proveForwarding(contender: Running, upstream: string): Promise<void> {
  const headers = { Cookie: contender.cookie, 'Sec-Fetch-Site': 'same-origin', Accept: 'application/json' }
  await waitFor(`${contender.url}${PATHS.small}`, headers)
  for (const [path, bytes] of [
    [PATHS.small, SMALL_BYTES],
    [PATHS.large, LARGE_BYTES]
  ] as const) {
    const expected = await ask(`${upstream}${path}`, { 'X-Plex-Token': TOKEN })
    const { status, body } = await ask(`${contender.url}${path}`, headers)
    if (status !== 200 || body.length !== bytes || !body.equals(expected.body)) {
      throw new Error(
        `${contender.id} answers ${path} with ${status} and ${body.length} bytes: ${body.subarray(0, 300)}`
      )
    }
  }
}
