import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isObject } from './json.ts'
import type { Simulator } from './simulator.ts'

export interface ControlServer {
  readonly url: string
  close(): Promise<void>
}

/** The addresses that `connectSimulator` starts from. */
export interface SimulatorAddresses {
  readonly plexUrl: string
  readonly pmsUrl: string
  readonly pms2Url: string
}

/** `POST /control {op, args}` calls a switch by its dotted name; `GET /control` returns the addresses. */
export async function startControlServer(
  simulator: Simulator,
  host: string,
  port: number
): Promise<ControlServer> {
  const { plexUrl, pmsUrl, pms2Url } = simulator
  const addresses: SimulatorAddresses = { plexUrl, pmsUrl, pms2Url }
  const server = createServer((message, response) => {
    const answered = message.method === 'POST' ? run(simulator, message) : Promise.resolve(addresses)
    answered.then(
      (result) => send(200, { result: result ?? null }),
      (error: unknown) => send(400, { error: error instanceof Error ? error.message : String(error) })
    )
    function send(status: number, value: unknown): void {
      response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(value))
    }
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  const address = server.address() as AddressInfo
  return {
    url: `http://${host}:${address.port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
  }
}

async function run(simulator: Simulator, message: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  for await (const chunk of message) chunks.push(chunk as Buffer)
  const request: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'))
  if (!isObject(request) || typeof request['op'] !== 'string') throw new TypeError('an op is needed')
  const args = Array.isArray(request['args']) ? request['args'] : []
  let target: unknown = simulator
  for (const name of request['op'].split('.')) {
    const known = typeof target === 'object' && target !== null && Object.hasOwn(target, name)
    target = known ? (target as Record<string, unknown>)[name] : undefined
  }
  if (typeof target !== 'function') throw new RangeError(`no op ${request['op']}`)
  return target(...args)
}
