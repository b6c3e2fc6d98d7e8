import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import type { Json } from './json.ts'

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly setCookies: readonly string[]
  readonly text: string
  readonly body: Buffer
  /** The body as JSON. */
  readonly json: Json
}

export interface Ask {
  readonly method?: string
  readonly headers?: Record<string, string | string[] | undefined>
  readonly body?: string | Buffer
  /** Sends no cookie and keeps none. */
  readonly anonymous?: boolean
}

export interface Browser {
  /** Name to value. */
  readonly jar: Map<string, string>
  /** The Cookie header it would send. */
  readonly cookie: string
  ask(path: string, options?: Ask): Promise<Answer>
  get(path: string, headers?: Ask['headers']): Promise<Answer>
  post(path: string, body?: unknown, headers?: Ask['headers']): Promise<Answer>
}

let addresses = 0

/**
 * A browser as HTTP sees it: a cookie jar, Fetch Metadata of a same-origin page, its own address (in X-Forwarded-For,
 * which the tested Usher trusts). It follows no redirect.
 */
export function createBrowser(base: string): Browser {
  const jar = new Map<string, string>()
  addresses += 1
  const address = `198.51.${Math.floor(addresses / 250) % 250}.${(addresses % 250) + 1}`

  function cookieHeader(): string {
    return [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  async function ask(path: string, options: Ask = {}): Promise<Answer> {
    const { method = 'GET', body, anonymous = false } = options
    const headers: Record<string, string | string[]> = {
      'sec-fetch-site': 'same-origin',
      'x-forwarded-for': address,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(body !== undefined && { 'content-length': String(Buffer.byteLength(body)) }),
      ...(!anonymous && jar.size > 0 && { cookie: cookieHeader() })
    }
    for (const [name, value] of Object.entries(options.headers ?? {})) {
      if (value === undefined) delete headers[name]
      else headers[name] = value
    }
    const answer = await send(new URL(base), path, method, headers, body)
    if (!anonymous) for (const line of answer.setCookies) keep(line)
    return answer
  }

  function keep(line: string): void {
    const [pair = ''] = line.split(';', 1)
    const [name = ''] = pair.split('=', 1)
    if (/;\s*max-age=0/i.test(line)) jar.delete(name)
    else jar.set(name, pair.slice(name.length + 1))
  }

  return {
    jar,
    get cookie() {
      return cookieHeader()
    },
    ask,
    get: (path, headers) => ask(path, headers === undefined ? {} : { headers }),
    post: (path, body, headers) =>
      ask(path, {
        method: 'POST',
        ...(body !== undefined && { body: JSON.stringify(body) }),
        ...(headers && { headers })
      })
  }
}

function send(
  base: URL,
  path: string,
  method: string,
  headers: Record<string, string | string[]>,
  body?: string | Buffer
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const request = httpRequest({ host: base.hostname, port: base.port, path, method, headers, agent: false })
  request.on('error', reject)
  request.on('response', (response) => {
    const chunks: Buffer[] = []
    response.on('error', reject)
    response.on('data', (chunk: Buffer) => chunks.push(chunk))
    response.on('end', () => {
      const bytes = Buffer.concat(chunks)
      const text = bytes.toString('utf8')
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        setCookies: response.headers['set-cookie'] ?? [],
        text,
        body: bytes,
        get json() {
          return JSON.parse(text) as unknown
        }
      })
    })
  })
  request.end(body)
  return promise
}
