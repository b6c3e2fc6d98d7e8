import t from 'tap'
import { generateKey } from '../../src/app/commands.ts'
import { hashSecret } from '../../src/config/secret-hashes.ts'
import { startSimulator } from '../simulator/simulator.ts'
import { freePort } from '../support/ports.ts'
import { sendRaw } from '../support/raw.ts'
import { until } from '../support/until.ts'
import { spawnUsher } from '../support/usher-process.ts'

t.setTimeout(120_000)

/** What kubelet puts into a container beside Services `usher` and `usher-internal`. */
const SERVICE_LINKS = {
  KUBERNETES_SERVICE_HOST: '10.96.0.1',
  KUBERNETES_PORT: 'tcp://10.96.0.1:443',
  USHER_SERVICE_HOST: '10.96.0.17',
  USHER_SERVICE_PORT: '8080',
  USHER_SERVICE_PORT_HTTP: '8080',
  USHER_PORT_8080_TCP: 'tcp://10.96.0.17:8080',
  USHER_PORT_8080_TCP_PROTO: 'tcp',
  USHER_PORT_8080_TCP_PORT: '8080',
  USHER_PORT_8080_TCP_ADDR: '10.96.0.17',
  USHER_INTERNAL_SERVICE_HOST: '10.96.0.18',
  USHER_INTERNAL_SERVICE_PORT: '9090',
  USHER_INTERNAL_PORT_9090_TCP: 'tcp://10.96.0.18:9090',
  USHER_INTERNAL_PORT_9090_TCP_PROTO: 'tcp',
  USHER_INTERNAL_PORT_9090_TCP_PORT: '9090',
  USHER_INTERNAL_PORT_9090_TCP_ADDR: '10.96.0.18'
}
const SECRET = 'Kubernetes-secret_of-the-test-12345'
/** The ingress is the one address that is believed. */
const INGRESS = '127.0.0.1'

t.test('in a pod: service links, probes, the ingress, and a service by its cluster name', async (t) => {
  const simulator = await startSimulator()
  t.teardown(() => simulator.close())
  const usher = await spawnUsher(t, {
    ...SERVICE_LINKS,
    // Set in the pod's own spec, these win over the links of the same names.
    USHER_PORT: String(await freePort()),
    USHER_INTERNAL_PORT: String(await freePort()),
    USHER_HOST: '127.0.0.1',
    USHER_INTERNAL_HOST: '127.0.0.1',
    USHER_PUBLIC_URL: 'https://usher.example.com',
    USHER_TRUSTED_PROXIES: INGRESS,
    USHER_SESSION_KEYS: generateKey(Date.now()),
    USHER_PLEX_URL: simulator.plexUrl,
    USHER_PLEX_CLIENTS_URL: simulator.plexUrl,
    USHER_PLEX_APP_URL: simulator.plexUrl,
    USHER_PMS_URL: simulator.pmsUrl,
    USHER_SERVICES: JSON.stringify([
      { id: 'wall', secretHashes: [hashSecret(SECRET)], grants: ['introspect'] }
    ])
  })

  await t.test('the links are ignored with one warning', async (t) => {
    // Told with the rest of the summary, once the media server has been asked.
    await until(() => usher.logs.some(({ msg }) => msg === 'configuration warning'), 'the warning')
    const warned = usher.logs.filter(({ msg }) => msg === 'configuration warning')
    t.match(warned, [{ level: 'warn', warning: /USHER_SERVICE_HOST/ }])
    t.equal(warned.length, 1)
  })

  await t.test('the kubelet asks by the address of the pod', async (t) => {
    const probe = (base: string, path: string, host: string) =>
      sendRaw(
        base,
        `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: kube-probe/1.31\r\nAccept: */*\r\nConnection: close\r\n\r\n`
      )
    t.equal((await probe(usher.publicUrl, '/healthz', '10.244.1.7:8080')).status, 204)
    t.equal((await probe(usher.internalUrl, '/healthz', '10.244.1.7:9090')).status, 204)
    t.equal((await probe(usher.internalUrl, '/readyz', '10.244.1.7:9090')).status, 200)
    t.equal((await probe(usher.internalUrl, '/readyz', '[fd00::7]:9090')).status, 200)
    t.equal(
      (await probe(usher.internalUrl, '/metrics', '10.244.1.7:9090')).status,
      200,
      'and so does Prometheus'
    )
  })

  await t.test('the ingress passes the public host on, with whichever port', async (t) => {
    const ask = (fields: readonly string[]) =>
      sendRaw(usher.publicUrl, ['GET /session HTTP/1.1', ...fields, 'Connection: close', '', ''].join('\r\n'))
    const forwarded = ['X-Forwarded-For: 203.0.113.7', 'X-Forwarded-Proto: https']
    t.equal((await ask(['Host: usher.example.com', ...forwarded])).status, 401)
    t.equal((await ask(['Host: usher.example.com:443', ...forwarded])).status, 401)
    t.equal(
      (await ask(['Host: 10.244.1.7:8080', 'X-Forwarded-Host: usher.example.com:443', ...forwarded])).status,
      401
    )
    t.equal((await ask(['Host: 10.244.1.7:8080', ...forwarded])).status, 400)
  })

  await t.test('a service calls by every name of the cluster’s DNS', async (t) => {
    const body = 'token=x'
    for (const host of [
      'usher-internal:9090',
      'usher-internal.media.svc:9090',
      'usher-internal.media.svc.cluster.local:9090',
      'usher-internal.media.svc.cluster.local.:9090'
    ]) {
      const { status } = await sendRaw(
        usher.internalUrl,
        [
          'POST /tokens/introspect HTTP/1.1',
          `Host: ${host}`,
          `Authorization: Bearer wall.${SECRET}`,
          'Content-Type: application/x-www-form-urlencoded',
          `Content-Length: ${body.length}`,
          'Connection: close',
          '',
          body
        ].join('\r\n')
      )
      t.equal(status, 200, host)
    }
  })
})
