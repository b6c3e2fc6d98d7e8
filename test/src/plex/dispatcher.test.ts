import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { SecureVersion } from 'node:tls'
import { generate } from 'selfsigned'
import t, { type Test } from 'tap'
import { createDispatcher, type DispatcherOptions } from '../../../src/plex/dispatcher.ts'
import { createUpstream } from '../../../src/plex/upstream.ts'

const DAY_MS = 86_400_000

interface Certificate {
  readonly key: string
  readonly cert: string
}

interface CertificateOptions {
  /** Who signs it; nobody but itself when left out. */
  readonly ca?: Certificate
  readonly isAuthority?: boolean
  readonly ip?: string
  readonly days?: number
}

async function createCertificate(name: string, options: CertificateOptions = {}): Promise<Certificate> {
  const { ca, isAuthority = false, ip, days = 2 } = options
  const result = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    algorithm: 'sha256',
    notBeforeDate: new Date(Date.now() - 10 * DAY_MS),
    notAfterDate: new Date(Date.now() + days * DAY_MS),
    ...(ca ? { ca } : {}),
    extensions: [
      { name: 'basicConstraints', cA: isAuthority, critical: true },
      isAuthority
        ? { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true }
        : { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'subjectAltName', altNames: [ip ? { type: 7, ip } : { type: 2, value: name }] }
    ]
  })
  return { key: result.private, cert: result.cert }
}

async function serveTls(
  t: Test,
  certificate: Certificate,
  maxVersion: SecureVersion = 'TLSv1.3'
): Promise<number> {
  const lowest = maxVersion === 'TLSv1.1' ? { minVersion: 'TLSv1' as const, ciphers: 'ALL:@SECLEVEL=0' } : {}
  const server = createServer({ ...certificate, maxVersion, ...lowest }, (_request, response) =>
    response.end('hello')
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

/** The body that comes back, or the code of the problem. */
async function ask(t: Test, origin: string, options: Partial<DispatcherOptions> = {}): Promise<string> {
  const dispatcher = createDispatcher({ connectTimeoutMs: 20_000, ...options })
  t.teardown(() => dispatcher.destroy())
  const upstream = createUpstream({ service: 'pms', origin, dispatcher, timeoutMs: 60_000 })
  try {
    return (await upstream.call({ method: 'GET', path: '/', headers: {} })).body.toString()
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
  }
}

t.test('rule 52: only a certificate of the right authority, name and time is accepted', async (t) => {
  const authority = await createCertificate('Test CA', { isAuthority: true })
  const stranger = await createCertificate('Other CA', { isAuthority: true })
  const sign = (options: CertificateOptions) => createCertificate('usher test', { ca: authority, ...options })
  const onLoopback = { ip: '127.0.0.1' }
  const right = await serveTls(t, await sign(onLoopback))
  const refused = 'USHER_UPSTREAM_UNREACHABLE'
  const url = (port: number) => `https://127.0.0.1:${port}`

  t.equal(await ask(t, url(right), { ca: authority.cert }), 'hello', 'the configured authority')
  t.equal(await ask(t, url(right)), refused, 'an unknown authority')
  t.equal(await ask(t, url(right), { ca: null }), refused, 'an unknown authority')
  t.equal(await ask(t, url(right), { ca: stranger.cert }), refused, 'another authority')

  const named = await serveTls(t, await createCertificate('other.example', { ca: authority }))
  t.equal(await ask(t, url(named), { ca: authority.cert }), refused, 'another name')
  const expired = await serveTls(t, await sign({ ...onLoopback, days: -1 }))
  t.equal(await ask(t, url(expired), { ca: authority.cert }), refused, 'expired')
  const selfSigned = await serveTls(t, await createCertificate('usher test', onLoopback))
  t.equal(await ask(t, url(selfSigned), { ca: authority.cert }), refused, 'self-signed')
})

t.test('rule 52: nothing below TLS 1.2, and no environment variable switches verification off', async (t) => {
  const authority = await createCertificate('Test CA', { isAuthority: true })
  const certificate = await createCertificate('usher test', { ca: authority, ip: '127.0.0.1' })
  const old = await serveTls(t, certificate, 'TLSv1.1')
  const trusted = { ca: authority.cert }
  t.equal(await ask(t, `https://127.0.0.1:${old}`, trusted), 'USHER_UPSTREAM_UNREACHABLE')
  const modest = await serveTls(t, certificate, 'TLSv1.2')
  t.equal(await ask(t, `https://127.0.0.1:${modest}`, trusted), 'hello')

  const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED']
  t.teardown(() => {
    if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
    else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before
  })
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
  t.equal(await ask(t, `https://127.0.0.1:${modest}`), 'USHER_UPSTREAM_UNREACHABLE')
})

t.test('http spoken to a TLS port, and TLS to an http port, are unreachable', async (t) => {
  const certificate = await createCertificate('usher test', { ip: '127.0.0.1' })
  const port = await serveTls(t, certificate)
  t.equal(await ask(t, `http://127.0.0.1:${port}`), 'USHER_UPSTREAM_UNREACHABLE')
})

t.test('rule 42: the address rule holds for names after DNS and for literal addresses', async (t) => {
  const authority = await createCertificate('Test CA', { isAuthority: true })
  const certificate = await createCertificate('localhost', { ca: authority })
  const port = await serveTls(t, certificate)
  const asked: string[] = []
  const rule = (isAllowed: boolean) => ({
    ca: authority.cert,
    isAllowed: (address: string) => {
      asked.push(address)
      return isAllowed
    }
  })
  t.equal(await ask(t, `https://localhost:${port}`, rule(true)), 'hello')
  t.ok(asked.includes('127.0.0.1'), 'asked with the address, not the name')
  t.equal(await ask(t, `https://localhost:${port}`, rule(false)), 'USHER_UPSTREAM_UNREACHABLE')
  t.equal(await ask(t, `https://127.0.0.1:${port}`, rule(false)), 'USHER_UPSTREAM_UNREACHABLE')
  t.equal(await ask(t, `https://[::1]:${port}`, rule(false)), 'USHER_UPSTREAM_UNREACHABLE')
  t.ok(asked.includes('::1'), 'asked without the brackets')
})
