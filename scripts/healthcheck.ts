// The image's HEALTHCHECK: requests /healthz of both listeners, without a shell or curl.
const env = process.env
const publicUrl = new URL(env['USHER_PUBLIC_URL'] ?? 'http://localhost')
const basePath = publicUrl.pathname.replace(/\/$/, '')

/** Where to reach a listener from inside: a wildcard address cannot be connected to. */
function reachable(host: string | undefined): string {
  if (!host || host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}

/** Kubernetes sets `tcp://…` for a Service called `usher…`; Usher ignores it. */
function port(text: string | undefined, usual: string): string {
  return text && /^\d+$/.test(text) ? text : usual
}

const probes = [
  `http://${reachable(env['USHER_HOST'])}:${port(env['USHER_PORT'], '8080')}${basePath}/healthz`,
  `http://${reachable(env['USHER_INTERNAL_HOST'])}:${port(env['USHER_INTERNAL_PORT'], '9090')}/healthz`
]

try {
  const answers = await Promise.all(probes.map((url) => fetch(url, { signal: AbortSignal.timeout(4_000) })))
  for (const answer of answers) {
    if (answer.status !== 204) throw new Error(`${answer.url} answered ${answer.status}`)
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
