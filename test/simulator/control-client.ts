import type { SimulatorAddresses } from './control-server.ts'
import type { Controls } from './controls.ts'

/** The same switches, returning promises. */
export type Remote<T> = {
  readonly [Name in keyof T]: T[Name] extends (...args: infer Args) => infer Result
    ? (...args: Args) => Promise<Awaited<Result>>
    : Remote<T[Name]>
}

export interface RemoteSimulator extends Remote<Controls>, SimulatorAddresses {}

/** A simulator in another process, controlled by HTTP. */
export async function connectSimulator(controlUrl: string): Promise<RemoteSimulator> {
  const addresses = (await exchange(controlUrl, {})) as SimulatorAddresses
  return { ...addresses, ...proxied(controlUrl) }
}

const NAMES: readonly (keyof Controls)[] = [
  'received',
  'clearReceived',
  'secrets',
  'presetSecrets',
  'accounts',
  'faults',
  'modes',
  'clock',
  'tokens',
  'pins',
  'shares',
  'libraries',
  'servers',
  'limits',
  'jwt',
  'pms',
  'pms2',
  'plexDown',
  'plexUp',
  'pmsDown',
  'pmsUp',
  'pms2Down',
  'pms2Up',
  'openSockets',
  'activeResponses',
  'reset'
]

// Named one by one: to `await`, a bare Proxy would look like a promise.
function proxied(controlUrl: string): Remote<Controls> {
  return Object.fromEntries(
    NAMES.map((name) => [name, branch(controlUrl, [name])])
  ) as unknown as Remote<Controls>
}

function branch(controlUrl: string, path: readonly string[]): unknown {
  return new Proxy(() => {}, {
    get: (_target, name) => (typeof name === 'string' ? branch(controlUrl, [...path, name]) : undefined),
    apply: (_target, _this, args: unknown[]) => exchange(controlUrl, { op: path.join('.'), args })
  })
}

async function exchange(controlUrl: string, request: { op?: string; args?: unknown[] }): Promise<unknown> {
  const post = {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(request)
  }
  const response = await fetch(`${controlUrl}/control`, request.op === undefined ? {} : post)
  const answer = (await response.json()) as { result?: unknown; error?: string }
  if (!response.ok) throw new Error(`simulator: ${answer.error ?? response.status}`)
  return answer.result
}
