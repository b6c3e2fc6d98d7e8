// `npm run demo`: the simulator of plex.tv and a media server, and Usher in front of them, with fresh keys.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { serveCinema } from '../examples/cinema/serve.ts'
import { runCommand } from '../src/app/commands.ts'
import { hashSecret } from '../src/config/secret-hashes.ts'
import { startNotes, startPhotos } from './demo-apps.ts'
import { spawnSimulator } from './simulator/process.ts'
import { freePort } from './support/ports.ts'

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '8080' },
    'internal-port': { type: 'string', default: '9090' },
    /** Runs from the sources instead of the build. */
    source: { type: 'boolean', default: false }
  }
})
const SOURCE = 'server://243b471948ace337a8f92f129ec97d1902fcb1df'
const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'

const service = await generate('--generate-service', 'demo')
const secret = /^secret +(\S+)$/m.exec(service)?.[1] ?? ''
const hash = /^hash +(\S+)$/m.exec(service)?.[1] ?? ''
const oidcClient = await generate('--generate-oidc-client', 'immich', 'http://127.0.0.1')
const appSecret = /^secret +(\S+)$/m.exec(oidcClient)?.[1] ?? ''
const [port, internalPort] = await Promise.all([pickPort(values.port), pickPort(values['internal-port'])])
const [ownPort, notesPort, photosPort] = await Promise.all([freePort(), freePort(), freePort()])
// The cinema's page and Usher share an origin: this stands in front of both, as nginx would.
const cinema = await serveCinema(port)
cinema.pointTo(ownPort)
const { simulator, controlUrl, close } = await spawnSimulator()
await simulator.modes.set({ library: 'small' })
const publicUrl = cinema.url
const state = mkdtempSync(join(tmpdir(), 'usher-demo-'))
const notes = startNotes(notesPort, { issuer: publicUrl, id: 'notes', secret: appSecret })
const photos = startPhotos(photosPort, { usher: publicUrl })

const server = values.source ? '../src/server.ts' : '../dist/src/server.js'
const usher = spawn(process.execPath, [fileURLToPath(new URL(server, import.meta.url))], {
  stdio: ['ignore', 'pipe', 'inherit'],
  env: {
    USHER_PUBLIC_URL: publicUrl,
    USHER_HOST: '127.0.0.1',
    USHER_PORT: String(ownPort),
    USHER_INTERNAL_HOST: '127.0.0.1',
    USHER_INTERNAL_PORT: String(internalPort),
    USHER_SESSION_KEYS: (await generate('--generate-key')).trim(),
    USHER_PLEX_URL: simulator.plexUrl,
    USHER_PLEX_CLIENTS_URL: simulator.plexUrl,
    USHER_PLEX_APP_URL: simulator.plexUrl,
    USHER_PMS_URL: simulator.pmsUrl,
    USHER_PLEX_TOKEN: await simulator.tokens.issue('owner', 'usher-demo-owner'),
    USHER_STATE_DIR: state,
    // Short, so that one can watch the share being withdrawn.
    USHER_RECHECK: '5s',
    USHER_TRUSTED_PROXIES: '127.0.0.1',
    USHER_ALLOWED_RETURN_ORIGINS: photos.url,
    USHER_APPS: JSON.stringify([
      { id: 'notes', name: 'Notes', url: `${notes.url}/sign-in` },
      { id: 'photos', name: 'Photos', url: photos.url, access: { roles: ['owner', 'home', 'shared'] } }
    ]),
    USHER_OIDC_KEYS: (await generate('--generate-oidc-key')).trim(),
    USHER_OIDC_CLIENTS: JSON.stringify([
      {
        id: 'notes',
        app: 'notes',
        secretHashes: [hashSecret(appSecret)],
        redirectUris: [`${notes.url}/callback`],
        backchannelLogoutUri: `${notes.url}/backchannel-logout`
      }
    ]),
    USHER_SERVICES: JSON.stringify([
      {
        id: 'demo',
        secretHashes: [hash],
        grants: ['transient:session', 'transient:owner', 'scoped', 'sources', 'introspect']
      }
    ])
  }
})

let ready = 0
createInterface({ input: usher.stdout }).on('line', (line) => {
  const { msg } = JSON.parse(line) as { msg?: string }
  if (msg === 'public listener ready' || msg === 'internal listener ready') {
    ready += 1
    if (ready === 2) void introduce()
  } else console.log(line)
})

let stopping = false
function stop(): void {
  if (stopping) return
  stopping = true
  usher.kill('SIGTERM')
}
process.once('SIGINT', stop)
process.once('SIGTERM', stop)
const [code] = (await once(usher, 'exit')) as [number | null]
for (const { server: app } of [cinema, notes, photos]) app.close().closeAllConnections()
await close()
rmSync(state, { recursive: true, force: true })
process.exit(stopping ? 0 : (code ?? 1))

async function introduce(): Promise<void> {
  // One account, made for a test, has an address so long that it would fill three lines.
  const accounts = (await simulator.accounts.list()).filter(
    ({ login }) => login !== null && login.length < 64
  )
  const share = (await simulator.shares.list()).find(({ account }) => account === 'friend')
  const withdrawal = { op: 'shares.remove', args: ['friend', share?.machineIdentifier] }
  const internal = `http://127.0.0.1:${internalPort}`
  console.log(`
Usher is at ${publicUrl} (sign in at ${publicUrl}/signin), its internal listener at ${internal}.
It stands in front of a simulator: plex.tv at ${simulator.plexUrl}, the media server Box at ${simulator.pmsUrl}.

A cinema, a page that has no token, plays what is there: ${publicUrl}/cinema/

Demo accounts:
${accounts.map(({ login, password, shows }) => `  ${login}  ${password ?? '(no password)'}  ${shows}`).join('\n')}

Sign in, then ask for the account, for a source, and (as a service) for a delegated token:

curl -s -c usher.jar -H 'X-Usher: 1' -H 'Content-Type: application/json' -d '{"login":"sim@example.com","password":"correct-horse"}' ${publicUrl}/session/login
curl -s -b usher.jar ${publicUrl}/session/account
curl -s -b usher.jar '${publicUrl}/session/source?source=${SOURCE}'
curl -s -u 'demo:${secret}' -d grant_type=${TOKEN_EXCHANGE} ${internal}/tokens/delegated

Two apps stand beside it: Notes, by OpenID Connect, at ${notes.url}
and Photos, behind forward-auth, at ${photos.url}
Sign in to both as friend@example.com, leave them open, and withdraw the share; both are out within some seconds:

curl -s -H 'Content-Type: application/json' -d '${JSON.stringify(withdrawal)}' ${controlUrl}/control

Ctrl-C ends it.
`)
}

async function generate(...argv: string[]): Promise<string> {
  const result = await runCommand({ argv, env: {}, now: Date.now, print: () => undefined })
  if (result?.exitCode !== 0) throw new Error(`${argv[0]} failed`)
  return result.stdout
}

/** The given port, or a free one if it is taken; 0 picks any. */
async function pickPort(wanted: string): Promise<number> {
  if (wanted === '0') return freePort()
  const probe = createServer().listen(Number(wanted), '127.0.0.1')
  try {
    await once(probe, 'listening')
  } catch {
    // Somebody else has it.
    return freePort()
  }
  probe.close()
  await once(probe, 'close')
  return Number(wanted)
}
