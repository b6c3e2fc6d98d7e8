import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { freePort } from './ports.ts'
import { requireProgram } from './programs.ts'
import { until } from './until.ts'

/** Starts a reverse proxy in front of `upstream` (host and port) and gives its address. */
export type StartProxy = (t: Test, upstream: string, lines?: readonly string[]) => Promise<string>

/** HAProxy as its manual's first example has it, with the health check that people add. `lines` go to the frontend. */
export const startHaproxy: StartProxy = async (t, upstream, lines = []) => {
  const port = await freePort()
  const config = `
defaults
  mode http
  timeout connect 5s
  timeout check 10s
  timeout client 30s
  timeout server 30s
frontend people
  bind 127.0.0.1:${port}
  ${lines.join('\n  ')}
  default_backend usher
backend usher
  option httpchk GET /healthz
  server usher ${upstream} check inter 100ms
`
  const file = join(t.testdir({ 'haproxy.cfg': config }), 'haproxy.cfg')
  return run(t, 'haproxy', ['-db', '-f', file], port)
}

/**
 * nginx with a bare proxy_pass: HTTP/1.0 to the upstream, buffered, no forwarded fields. `lines` go to the location.
 */
export const startBareNginx: StartProxy = async (t, upstream, lines = []) => {
  const port = await freePort()
  const folder = t.testdir({})
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  const config = `
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events {}
http {
  access_log off;
  ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n  ')}
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://${upstream};
      ${lines.join('\n      ')}
    }
  }
}
`
  const file = join(folder, 'nginx.conf')
  await writeFile(file, config)
  // Workers of an unprivileged user could not read the folder.
  const user = process.getuid?.() === 0 ? 'user root; ' : ''
  const args = ['-p', folder, '-c', file, '-g', `daemon off; ${user}worker_processes 1;`]
  return run(t, 'nginx', args, port)
}

/** Caddy with a bare reverse_proxy. `lines` go into its block. */
export const startBareCaddy: StartProxy = async (t, upstream, lines = []) => {
  const port = await freePort()
  const config = `{
	admin off
	auto_https off
}
http://127.0.0.1:${port}, http://usher.lan:${port} {
	bind 127.0.0.1
	reverse_proxy ${upstream} {
		${lines.join('\n\t\t')}
	}
}
`
  const file = join(t.testdir({ Caddyfile: config }), 'Caddyfile')
  return run(t, 'caddy', ['run', '--config', file, '--adapter', 'caddyfile'], port)
}

async function run(t: Test, program: string, args: readonly string[], port: number): Promise<string> {
  const folder = t.testdirName
  const env = { ...process.env, HOME: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder }
  const child = spawn(requireProgram(program), args, { stdio: ['ignore', 'pipe', 'pipe'], env })
  let complaints = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      complaints = (complaints + chunk.toString()).slice(-4000)
    })
  t.teardown(() => stopProxy(child))
  const url = `http://127.0.0.1:${port}`
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`${program} ended: ${complaints}`)
    const answer = await fetch(`${url}/healthz`).catch(() => null)
    await answer?.body?.cancel()
    return answer?.status === 204
  }, `${program} passes /healthz on`)
  return url
}

/** By SIGTERM, or nginx would leave its worker behind; whatever does not end by that is killed. */
export async function stopProxy(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 5000)
  await exited
  clearTimeout(timer)
}
