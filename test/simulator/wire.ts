import { Agent, request } from 'node:http'

export interface WireAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly bytes: Buffer
  readonly text: string
}

export interface WireRequest {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/**
 * One request with exactly these headers, plus `Host`, `Connection` and the length: no `Accept`, no
 * `Accept-Encoding`, no decompression. Rejects if the response breaks off.
 */
export async function send(url: string, options: WireRequest = {}): Promise<WireAnswer> {
  // Keep-alive, so that a `Connection: close` in the response comes from the server.
  const agent = new Agent({ keepAlive: true })
  try {
    return await new Promise((resolve, reject) => {
      const length =
        options.body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(options.body)) }
      const outgoing = request(url, {
        agent,
        method: options.method ?? 'GET',
        headers: { ...options.headers, ...length }
      })
      outgoing.once('error', reject)
      outgoing.once('response', (message) => {
        const chunks: Buffer[] = []
        message.on('data', (chunk: Buffer) => chunks.push(chunk))
        message.once('error', reject)
        message.once('end', () => {
          const bytes = Buffer.concat(chunks)
          const headers = Object.entries(message.headers).map(([name, value]) => [name, String(value)])
          resolve({
            status: message.statusCode ?? 0,
            headers: Object.fromEntries(headers),
            bytes,
            text: bytes.toString('utf8')
          })
        })
      })
      outgoing.end(options.body)
    })
  } finally {
    agent.destroy()
  }
}
