import { type IncomingHttpHeaders, request } from 'node:http'
import type { Instance } from './instance.ts'

export interface Reply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  /** False if the connection broke before the whole body was here. */
  readonly isWhole: boolean
}

export interface Question {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly json?: unknown
  readonly form?: Readonly<Record<string, string>>
  /** Without cookies, as an app's server asks. */
  readonly isServer?: boolean
}

/** A browser that keeps cookies and may send each request to another instance. */
export interface Client {
  readonly jar: Map<string, string>
  /** Null if nobody answered: the instance was stopped, or went away. */
  ask(instance: Instance, path: string, question?: Question): Promise<Reply | null>
  /** Holds a response open until the signal; resolves with whether it was still open then. */
  hold(
    instance: Instance,
    path: string,
    signal: AbortSignal
  ): Promise<'held' | 'ended' | { readonly status: number }>
}

/** Longer than every time limit of Usher in a soak, but for that of a film that pauses. */
export const PATIENCE_MS = 60_000

export function createClient(address: string, onHang: (path: string) => void): Client {
  const jar = new Map<string, string>()

  function headersOf({ host }: Instance, { headers, isServer = false }: Question): Record<string, string> {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
    return {
      host,
      'x-forwarded-for': address,
      ...(!isServer && { 'sec-fetch-site': 'same-origin' }),
      ...(!isServer && cookie !== '' && { cookie }),
      ...headers
    }
  }

  function keep(lines: readonly string[]): void {
    for (const line of lines) {
      const [pair = ''] = line.split(';', 1)
      const at = pair.indexOf('=')
      if (/;\s*max-age=0/i.test(line)) jar.delete(pair.slice(0, at))
      else jar.set(pair.slice(0, at), pair.slice(at + 1))
    }
  }

  return {
    jar,
    ask(instance, path, question = {}) {
      const { method = 'GET', json, form, isServer = false } = question
      const body = json !== undefined ? JSON.stringify(json) : form && new URLSearchParams(form).toString()
      const type = json !== undefined ? 'application/json' : 'application/x-www-form-urlencoded'
      const headers = {
        ...headersOf(instance, question),
        ...(body !== undefined && { 'content-type': type, 'content-length': String(Buffer.byteLength(body)) })
      }
      return new Promise((resolve) => {
        const sent = request({ host: '127.0.0.1', port: instance.port, path, method, headers, agent: false })
        const timer = setTimeout(() => {
          onHang(`${method} ${path}`)
          sent.destroy()
        }, PATIENCE_MS)
        sent.on('close', () => clearTimeout(timer))
        sent.on('error', () => resolve(null))
        sent.on('response', (response) => {
          if (!isServer) keep(response.headers['set-cookie'] ?? [])
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('error', () => undefined)
          response.on('close', () => {
            const { statusCode: status = 0, headers: fields, complete: isWhole } = response
            resolve({ status, headers: fields, body: Buffer.concat(chunks), isWhole })
          })
        })
        sent.end(body)
      })
    },
    hold(instance, path, signal) {
      return new Promise((resolve) => {
        const headers = { ...headersOf(instance, {}), accept: 'text/event-stream' }
        const sent = request({ host: '127.0.0.1', port: instance.port, path, headers, agent: false })
        signal.addEventListener('abort', () => {
          resolve('held')
          sent.destroy()
        })
        const end = (how: 'ended' | { readonly status: number }) => resolve(how)
        sent.on('error', () => end('ended'))
        sent.on('response', (response) => {
          keep(response.headers['set-cookie'] ?? [])
          if (response.statusCode !== 200) end({ status: response.statusCode ?? 0 })
          response.resume()
          response.on('error', () => undefined)
          response.on('close', () => end('ended'))
        })
        sent.end()
      })
    }
  }
}
