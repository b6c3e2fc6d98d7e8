import { freePort } from '../support/ports.ts'
import { type Controls, createControls } from './controls.ts'
import { type Listener, type ListenerOptions, startListener, type Tls } from './listener.ts'
import { createPlexTv, plexFaultAnswer } from './plex/plex-tv.ts'
import { createPms } from './pms/media-server.ts'
import { BOX_CONNECTIONS, type Connection, DEN_CONNECTIONS } from './servers.ts'
import { createWorld } from './world.ts'

export interface SimulatorOptions {
  /** Default: a free port, to which nobody else comes while the service is down. */
  readonly plexPort?: number
  readonly pmsPort?: number
  readonly pms2Port?: number
  /** Default 127.0.0.1. */
  readonly host?: string
  /** Epoch milliseconds; `clock.advance` and `clock.set` are applied on top. */
  readonly now?: () => number
  /** All three services use TLS with this certificate. */
  readonly tls?: Tls
  /** The state of reference/plex.md#recorded-examples: fixed secrets and documents. */
  readonly vectors?: boolean
  /** How many requests are kept; default 20,000. */
  readonly recordLimit?: number
}

/** plex.tv and two Plex Media Servers, real over HTTP. */
export interface Simulator extends Controls {
  /** For plex.tv, clients.plex.tv and app.plex.tv. */
  readonly plexUrl: string
  /** The server Box, owned by `owner`. */
  readonly pmsUrl: string
  /** The server Den, owned by `friend`, shared with `owner`. */
  readonly pms2Url: string
  close(): Promise<void>
}

/** Starts on loopback; resolves when all three services listen, rejects if a port is taken. */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const { host = '127.0.0.1', tls } = options
  const listeners: { plex?: Listener; pms?: Listener; pms2?: Listener } = {}
  const world = createWorld({
    now: options.now ?? Date.now,
    recordLimit: options.recordLimit ?? 20_000,
    vectors: options.vectors ?? false,
    plexReachable: () => listeners.plex?.listening ?? true
  })
  const pms = createPms(world, world.servers.box, () => listeners.pms?.url ?? '')
  const pms2 = createPms(world, world.servers.den, () => listeners.pms2?.url ?? '')
  const common = { host, tls, faults: world.faults, recorder: world.recorder }
  const start = async (
    own: Pick<ListenerOptions, 'service' | 'port' | 'answer' | 'faultAnswer' | 'upgrade' | 'delivered'>
  ) => {
    const listener = await startListener({ ...common, ...own }).catch(async (error: unknown) => {
      // Left open, the others would keep the process from ending.
      await Promise.all(Object.values(listeners).map((other) => other.down()))
      throw error
    })
    listeners[own.service] = listener
    return listener
  }
  const plexListener = await start({
    service: 'plex',
    port: options.plexPort ?? (await freePort()),
    answer: createPlexTv(world),
    faultAnswer: (request, fault) => plexFaultAnswer(world, request, fault),
    delivered: (text) => world.tokens.delivered(text)
  })
  const pmsListener = await start({ service: 'pms', port: options.pmsPort ?? (await freePort()), ...pms })
  const pms2Listener = await start({ service: 'pms2', port: options.pms2Port ?? (await freePort()), ...pms2 })
  const vectors = options.vectors === true
  world.servers.box.connections = [...(vectors ? [] : [own(pmsListener.url, true)]), ...BOX_CONNECTIONS]
  world.servers.den.connections = [...(vectors ? [] : [own(pms2Listener.url, false)]), ...DEN_CONNECTIONS]

  const all = { plex: plexListener, pms: pmsListener, pms2: pms2Listener }
  return {
    ...createControls(world, { listeners: all, pms, pms2 }),
    plexUrl: plexListener.url,
    pmsUrl: pmsListener.url,
    pms2Url: pms2Listener.url,
    close: async () => {
      await Promise.all(Object.values(all).map((listener) => listener.down()))
    }
  }
}

/** The simulator's own address, the only one in the list that works. */
function own(url: string, local: boolean): Connection {
  const { protocol, hostname, port } = new URL(url)
  return {
    protocol: protocol === 'https:' ? 'https' : 'http',
    address: hostname,
    port: Number(port),
    uri: url,
    local,
    relay: false,
    IPv6: false
  }
}
