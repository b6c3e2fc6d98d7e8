import { fileURLToPath } from 'node:url'
import { launchNginx } from './nginx.ts'
import { PATHS, type Payload } from './payload.ts'
import { freePort, isInstalled, launch, waitFor } from './process.ts'

export interface Upstream {
  readonly url: string
  readonly kind: 'nginx' | 'node'
  stop(): Promise<void>
}

export interface UpstreamOptions {
  readonly payload: Payload
  readonly directory: string
  readonly core: number
  readonly machineIdentifier: string
}

/**
 * The one media server of everybody: nginx where there is one, else a stub in Node. It answers 401 to a
 * request without a token and 400 to one with a cookie, so a contender that forgets its work shows no figure.
 */
export async function startUpstream(options: UpstreamOptions): Promise<Upstream> {
  const port = await freePort()
  const kind = isInstalled('nginx') ? 'nginx' : 'node'
  const process_ =
    kind === 'nginx'
      ? launchNginx('upstream', upstreamConf(port, options), options.directory, options.core)
      : launch({
          command: process.execPath,
          args: [fileURLToPath(new URL('stub.ts', import.meta.url))],
          env: {
            PORT: String(port),
            PAYLOAD: JSON.stringify(options.payload),
            MACHINE: options.machineIdentifier
          },
          core: options.core
        })
  const url = `http://127.0.0.1:${port}`
  await waitFor(`${url}/identity`)
  return { url, kind, stop: process_.stop }
}

/** What `GET /identity` answers: the facts that a gateway checks before it sends a token. */
export function identity(machineIdentifier: string): string {
  return JSON.stringify({
    MediaContainer: { size: 0, claimed: true, machineIdentifier, version: '1.43.0.0' }
  })
}

/** The root document names the server. */
export function root(machineIdentifier: string): string {
  return JSON.stringify({ MediaContainer: { size: 0, friendlyName: 'Bench', machineIdentifier } })
}

function upstreamConf(port: number, { payload, machineIdentifier }: UpstreamOptions): string {
  return `
  sendfile on;
  tcp_nopush on;
  open_file_cache max=16 inactive=600s;
  open_file_cache_valid 600s;
  map "$uri $http_x_plex_token" $unsigned { default 0; "~^/(library|:)/.* $" 1; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    if ($unsigned) { return 401; }
    if ($http_cookie) { return 400; }
    location = /identity { default_type application/json; return 200 '${identity(machineIdentifier)}'; }
    location = / { default_type application/json; return 200 '${root(machineIdentifier)}'; }
    location = ${PATHS.small} { default_type application/json; types {} alias ${payload.small}; }
    location = ${PATHS.large} { default_type application/json; types {} alias ${payload.large}; }
    location = ${PATHS.part} { default_type video/x-matroska; types {} alias ${payload.part}; }
    location = ${PATHS.events} {
      default_type text/event-stream; types {} alias ${payload.events}; limit_rate 1k;
    }
  }`
}
