import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { freePort } from '../test/support/ports.ts'
import { launchNginx } from './nginx.ts'
import { PATHS, type Payload } from './payload.ts'
import { isInstalled, launch, waitFor } from './process.ts'

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
 * The media server that all contenders share: nginx if it is installed, else a stub in Node. It answers 401 without a
 * token and 400 with a cookie, so a contender that skips its work gets no figure.
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

/** The response of `GET /identity`, which a gateway checks before it sends a token. */
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
  const small = readFileSync(payload.small, 'utf8')
  const checked = 'if ($http_x_plex_token = "") { return 401; } if ($http_cookie) { return 400; } types {}'
  // The small response is in the configuration: a file would cost the load's core three more system calls.
  return `
  sendfile on;
  tcp_nopush on;
  open_file_cache max=16 inactive=600s;
  open_file_cache_valid 600s;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location = /identity { default_type application/json; return 200 '${identity(machineIdentifier)}'; }
    location = / { default_type application/json; return 200 '${root(machineIdentifier)}'; }
    location = ${PATHS.small} { ${checked} default_type application/json; return 200 '${small}'; }
    location = ${PATHS.large} { ${checked} default_type application/json; alias ${payload.large}; }
    location = ${PATHS.json1} { ${checked} default_type application/json; alias ${payload.json1}; }
    location = ${PATHS.xml1} { ${checked} default_type text/xml; alias ${payload.xml1}; }
    location = ${PATHS.xml20} { ${checked} default_type text/xml; alias ${payload.xml20}; }
    location = ${PATHS.list} { ${checked} default_type application/json; alias ${payload.list}; }
    location = ${PATHS.part} { ${checked} default_type video/x-matroska; alias ${payload.part}; }
    location = ${PATHS.events} {
      ${checked} default_type text/event-stream; alias ${payload.events}; limit_rate 1k;
    }
  }`
}
