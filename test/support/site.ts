import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { generate } from 'selfsigned'
import type { Test } from 'tap'
import { WebSocketServer } from 'ws'
import { freePort } from './ports.ts'
import { requireProgram } from './programs.ts'
import { stopProxy } from './proxies.ts'
import { until } from './until.ts'

export const USHER_HOST = 'usher.example.com'
export const APP_HOST = 'app.example.com'
/** Another app behind the same rule. */
export const PHOTOS_HOST = 'photos.example.com'

const examples = fileURLToPath(new URL('../../examples', import.meta.url))

/** A reverse proxy in front of Usher and an app, configured by one of the examples. */
export interface Site {
  readonly port: number
  /** The self-signed certificate of both hosts. */
  readonly cert: string
}

export interface SiteOptions {
  /** Host and port. */
  readonly usher: string
  readonly app: string
  /** What else an operator would change in the example. */
  readonly changes?: Readonly<Record<string, string>>
}

/** The example with the names and paths of this run; throws if one is not in it, or is still in it afterwards. */
function fill(example: string, changes: Readonly<Record<string, string>>): string {
  let text = example
  for (const [from, to] of Object.entries(changes)) {
    if (!text.includes(from)) throw new Error(`the example has no ${from}`)
    text = text.replaceAll(from, () => to)
  }
  return text
}

export async function startNginxSite(t: Test, { usher, app, changes = {} }: SiteOptions): Promise<Site> {
  const folder = t.testdir({})
  const port = await freePort()
  const cert = await writeCertificate(folder)
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  const config = fill(await readFile(join(examples, 'nginx/nginx.conf'), 'utf8'), {
    ...changes,
    'usher:8080': usher,
    'app:3000': app,
    'photos:2283': app,
    'listen 443 ssl': `listen 127.0.0.1:${port} ssl`,
    '/run/nginx.pid': join(folder, 'nginx.pid'),
    '/var/log/nginx/access.log': join(folder, 'access.log'),
    '/etc/nginx/example.com': join(folder, 'example.com'),
    '/srv/frontend': join(examples, 'frontend'),
    'http {': `http {\n${temporary.map((name) => `${name}_temp_path ${join(folder, name)};`).join('\n')}`
  })
  const file = join(folder, 'nginx.conf')
  await writeFile(file, config)
  // Started as root, its workers would run as a user who cannot read the folder.
  const user = process.getuid?.() === 0 ? 'user root; ' : ''
  const args = ['-p', folder, '-c', file, '-g', `daemon off; ${user}worker_processes 1;`]
  await run(t, 'nginx', args, folder, { port, cert })
  return { port, cert }
}

export async function startCaddySite(t: Test, { usher, app, changes = {} }: SiteOptions): Promise<Site> {
  const folder = t.testdir({})
  const port = await freePort()
  const cert = await writeCertificate(folder)
  const tls = `tls ${join(folder, 'example.com.pem')} ${join(folder, 'example.com.key')}`
  const config = fill(await readFile(join(examples, 'caddy/Caddyfile'), 'utf8'), {
    ...changes,
    'usher:8080': usher,
    'app:3000': app,
    'photos:2283': app,
    '/srv/frontend': join(examples, 'frontend'),
    [`${USHER_HOST} {`]: `${USHER_HOST} {\n\t${tls}`,
    [`${PHOTOS_HOST} {`]: `${PHOTOS_HOST} {\n\t${tls}`
  })
  const global = `{
	admin off
	https_port ${port}
	http_port ${await freePort()}
	auto_https disable_redirects
	default_bind 127.0.0.1
	storage file_system ${folder}
}
`
  const file = join(folder, 'Caddyfile')
  await writeFile(file, global + config)
  await run(t, 'caddy', ['run', '--config', file, '--adapter', 'caddyfile'], folder, { port, cert })
  return { port, cert }
}

export async function startHaproxySite(t: Test, { usher, app, changes = {} }: SiteOptions): Promise<Site> {
  const folder = t.testdir({})
  const port = await freePort()
  const cert = await writeCertificate(folder)
  const pem = join(folder, 'both.pem')
  await writeFile(pem, `${cert}\n${await readFile(join(folder, 'example.com.key'), 'utf8')}`)
  const example = (name: string) => readFile(join(examples, 'haproxy', name), 'utf8')
  const lua = join(folder, 'usher.lua')
  const [program, text] = [await example('usher.lua'), await example('haproxy.cfg')]
  const changed = Object.entries(changes)
  const inProgram = Object.fromEntries(changed.filter(([from]) => program.includes(from)))
  await writeFile(lua, fill(program, { ...inProgram, 'usher:8080': usher }))
  const config = fill(text, {
    ...Object.fromEntries(changed.filter(([from]) => !(from in inProgram))),
    'server usher usher:8080': `server usher ${usher}`,
    'app:3000': app,
    'photos:2283': app,
    'bind :443': `bind 127.0.0.1:${port}`,
    '/etc/haproxy/usher.lua': lua,
    '/etc/haproxy/example.com.pem': pem
  })
  const file = join(folder, 'haproxy.cfg')
  await writeFile(file, config)
  await run(t, 'haproxy', ['-db', '-f', file], folder, { port, cert })
  return { port, cert }
}

async function run(t: Test, name: string, args: string[], folder: string, site: Site): Promise<void> {
  const env = { ...process.env, HOME: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder }
  const child = spawn(requireProgram(name), args, { stdio: ['ignore', 'ignore', 'pipe'], env })
  let complaints = ''
  child.stderr.on('data', (chunk: Buffer) => {
    complaints += chunk.toString()
  })
  t.teardown(() => stopProxy(child))
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`${name} ended: ${complaints}`)
    return ask(site, USHER_HOST, '/').then(
      () => true,
      () => false
    )
  }, `${name} answers`)
}

async function writeCertificate(folder: string): Promise<string> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: USHER_HOST }], {
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: USHER_HOST },
          { type: 2, value: APP_HOST },
          { type: 2, value: PHOTOS_HOST }
        ]
      }
    ]
  })
  await writeFile(join(folder, 'example.com.pem'), cert)
  await writeFile(join(folder, 'example.com.key'), key)
  return cert
}

export interface SiteAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

export interface SiteAsk {
  readonly method?: string
  /** An array of names and values keeps their spelling and their repetition. */
  readonly headers?: Record<string, string> | readonly string[]
  readonly body?: string
}

/** One request over TLS; verifies the certificate, follows no redirect. */
export function ask(site: Site, host: string, path: string, options: SiteAsk = {}): Promise<SiteAnswer> {
  const { method = 'GET', headers = {}, body } = options
  const { promise, resolve, reject } = Promise.withResolvers<SiteAnswer>()
  const request = httpsRequest({
    host: '127.0.0.1',
    port: site.port,
    servername: host,
    ca: site.cert,
    method,
    path,
    headers: Array.isArray(headers) ? ['Host', host, ...headers] : { host, ...headers },
    agent: false
  })
  request.on('error', reject)
  request.on('response', (response) => {
    const chunks: Buffer[] = []
    response.on('data', (chunk: Buffer) => chunks.push(chunk))
    response.on('error', reject)
    response.on('end', () =>
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        text: Buffer.concat(chunks).toString()
      })
    )
  })
  request.end(body)
  return promise
}

/** What the app received: header names in lower case, values unchanged. */
export interface Echo {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, readonly string[]>>
  readonly body: string
}

export interface EchoApp {
  /** Host and port. */
  readonly address: string
  /** How many requests and sockets reached the app. */
  readonly count: number
}

/** An app that returns what reached it and has its own cookie; a WebSocket receives its `remote-user`. */
export async function startEchoApp(t: Test): Promise<EchoApp> {
  let count = 0
  const server = createServer((request, response) => {
    count += 1
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const echo: Echo = {
        method: request.method ?? '',
        url: request.url ?? '',
        headers: collect(request.rawHeaders),
        body: Buffer.concat(chunks).toString()
      }
      response.setHeader('set-cookie', 'theme=dark')
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify(echo))
    })
  })
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', (socket, request) => {
    count += 1
    socket.send(String(request.headers['remote-user']))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets.clients) socket.terminate()
    server.closeAllConnections()
    server.close()
  })
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    get count() {
      return count
    }
  }
}

/** Header values are octets; the app reads them as UTF-8. */
function collect(rawHeaders: readonly string[]): Record<string, string[]> {
  const headers: Record<string, string[]> = {}
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? '').toLowerCase()
    const value = Buffer.from(rawHeaders[index + 1] ?? '', 'latin1').toString()
    headers[name] = [...(headers[name] ?? []), value]
  }
  return headers
}
