import type { Server } from 'node:http'
import { Counter, Gauge } from 'prom-client'
import packageJson from '../../package.json' with { type: 'json' }
import { type Traffic, watchTraffic } from '../observe/traffic.ts'
import type { Core } from './core.ts'

export interface FigureServers {
  readonly public: Pick<Server, 'on'>
  readonly internal: Pick<Server, 'on'>
}

/** Figures that are read when somebody asks for them, and cost nothing in between. */
export function registerFigures(core: Core, servers: FigureServers): void {
  const { metrics, live, streams, signOuts, standings, now } = core
  const registers = [metrics.registry]

  new Gauge({
    name: 'usher_build_info',
    help: '1, with the versions of Usher and Node as labels',
    labelNames: ['version', 'node'],
    registers
  }).set({ version: packageJson.version, node: process.versions.node }, 1)

  new Gauge({
    name: 'usher_live_sessions',
    help: 'Sessions that this instance has seen lately and that have not ended',
    registers,
    collect() {
      const time = now()
      let count = 0
      for (const { session } of live.all()) if (!standings.hasEnded(session, time)) count += 1
      this.set(count)
    }
  })

  new Gauge({
    name: 'usher_plex_sign_outs_waiting',
    help: 'Tokens that are still to be signed out at plex.tv',
    registers,
    collect() {
      this.set(signOuts.waiting)
    }
  })

  new Gauge({
    name: 'usher_dependency_up',
    help: '1 while what Usher relies on answers, else 0; one that is not configured, or was not asked yet, is left out',
    labelNames: ['dependency'],
    registers,
    collect() {
      // What the media server says now is in the next scrape: a server that hangs must not hold this one up.
      void core.readiness().then(({ dependencies }) => {
        for (const { name, state } of dependencies)
          if (state === 'up' || state === 'down')
            this.set({ dependency: LABELS[name] }, state === 'up' ? 1 : 0)
      })
      const store = core.state.isUp()
      if (store !== null) this.set({ dependency: 'store' }, store ? 1 : 0)
    }
  })

  count('usher_streams_total', 'Streams begun, by kind', 'kind', () => streams.begun)
  const [ofPublic, ofInternal] = [watchTraffic(servers.public), watchTraffic(servers.internal)]
  const bytes = (way: keyof Traffic) => () => ({ public: ofPublic()[way], internal: ofInternal()[way] })
  count('usher_sent_bytes_total', 'Bytes sent, by listener', 'listener', bytes('sent'))
  count('usher_received_bytes_total', 'Bytes received, by listener', 'listener', bytes('received'))

  /** A counter whose values are kept elsewhere. */
  function count(
    name: string,
    help: string,
    label: string,
    read: () => Readonly<Record<string, number>>
  ): void {
    new Counter({
      name,
      help,
      labelNames: [label],
      registers,
      collect() {
        this.reset()
        for (const [value, total] of Object.entries(read())) this.inc({ [label]: value }, total)
      }
    })
  }
}

const LABELS = {
  pms: 'media_server',
  'plex.tv': 'plex_tv',
  redis: 'store',
  'owner token': 'owner_token'
} as const
