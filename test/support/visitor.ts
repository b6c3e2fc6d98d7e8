import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'

export interface Seen {
  readonly url: string
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  /** Every address on the way, the last one included. */
  readonly way: readonly string[]
}

export interface Visitor {
  /** Goes to an address and follows redirects, as a navigation does. */
  go(
    url: string,
    init?: { readonly method?: string; readonly form?: Readonly<Record<string, string>> }
  ): Promise<Seen>
  /** Goes without following: one answer. */
  ask(
    url: string,
    init?: { readonly method?: string; readonly body?: string; readonly headers?: Record<string, string> }
  ): Promise<Seen>
}

interface Cookie {
  readonly name: string
  readonly value: string
  readonly path: string
}

const MOST_HOPS = 15

/** A browser that follows redirects over several hosts, with cookies by host and path. */
export function createVisitor(): Visitor {
  const jars = new Map<string, Map<string, Cookie>>()

  function cookiesFor({ host, pathname }: URL): string {
    return [...(jars.get(host)?.values() ?? [])]
      .filter(({ path }) => pathname === path || pathname.startsWith(path.endsWith('/') ? path : `${path}/`))
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ')
  }

  function keep({ host, pathname }: URL, lines: readonly string[]): void {
    const jar = jars.get(host) ?? new Map<string, Cookie>()
    jars.set(host, jar)
    for (const line of lines) {
      const [pair = '', ...attributes] = line.split(';').map((part) => part.trim())
      const at = pair.indexOf('=')
      const named = Object.fromEntries(attributes.map((part) => part.toLowerCase().split('=', 2)))
      const rawPath = attributes.find((part) => /^path=/i.test(part))?.slice(5)
      const path = rawPath ?? (pathname.slice(0, pathname.lastIndexOf('/')) || '/')
      const [name, value] = [pair.slice(0, at), pair.slice(at + 1)]
      const isOver = named['max-age'] === '0' || Date.parse(String(named['expires'])) < Date.now()
      if (isOver) jar.delete(`${name} ${path}`)
      else jar.set(`${name} ${path}`, { name, value, path })
    }
  }

  function ask(
    address: string,
    init: { method?: string; body?: string; headers?: Record<string, string> } = {}
  ): Promise<Seen> {
    const url = new URL(address)
    const { method = 'GET', body, headers = {} } = init
    const cookie = cookiesFor(url)
    return new Promise((resolve, reject) => {
      const request = httpRequest(
        url,
        {
          method,
          agent: false,
          timeout: 60_000,
          headers: {
            accept: 'text/html,application/xhtml+xml,*/*;q=0.8',
            'sec-fetch-mode': 'navigate',
            'sec-fetch-dest': 'document',
            'sec-fetch-site': 'cross-site',
            'user-agent': 'Mozilla/5.0',
            ...(cookie !== '' && { cookie }),
            ...(body !== undefined && { 'content-length': String(Buffer.byteLength(body)) }),
            ...headers
          }
        },
        (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('error', reject)
          response.on('end', () => {
            keep(url, response.headers['set-cookie'] ?? [])
            resolve({
              url: address,
              status: response.statusCode ?? 0,
              headers: response.headers,
              text: Buffer.concat(chunks).toString(),
              way: [address]
            })
          })
        }
      )
      request.on('error', reject)
      request.on('timeout', () => request.destroy(new Error(`${address} did not answer`)))
      request.end(body)
    })
  }

  return {
    ask,
    async go(address, { method = 'GET', form } = {}) {
      const way: string[] = []
      let seen = await ask(address, {
        method,
        ...(form !== undefined && {
          body: new URLSearchParams(form).toString(),
          headers: { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': 'same-origin' }
        })
      })
      way.push(seen.url)
      while (seen.status >= 300 && seen.status < 400 && seen.headers.location !== undefined) {
        if (way.length > MOST_HOPS) throw new Error(`goes round and round: ${way.join(' → ')}`)
        const next = new URL(seen.headers.location, seen.url).href
        seen = await ask(next)
        way.push(next)
      }
      return { ...seen, way }
    }
  }
}
