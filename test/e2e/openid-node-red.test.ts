import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import t from 'tap'
import { until } from '../support/until.ts'
import { FRIEND, OWNER } from '../support/usher.ts'
import { createVisitor } from '../support/visitor.ts'
import { reserveParty, SECRET, startProvider } from './support/relying-party.ts'

const packages = createRequire(import.meta.url)

/** The editor's sign-in, as Node-RED documents it for a strategy of Passport. */
function settingsFile(issuer: string, url: string, port: number): string {
  return `module.exports = {
  uiPort: ${port}, uiHost: 'localhost', flowFile: 'flows.json', credentialSecret: 'of-the-test',
  telemetry: { enabled: false, updateNotification: false }, logging: { console: { level: 'info' } },
  adminAuth: {
    type: 'strategy',
    strategy: {
      name: 'openidconnect', label: 'Sign in with Plex', icon: 'fa-film',
      strategy: require(${JSON.stringify(packages.resolve('passport-openidconnect'))}).Strategy,
      options: {
        issuer: '${issuer}', authorizationURL: '${issuer}/oidc/auth', tokenURL: '${issuer}/oidc/token',
        userInfoURL: '${issuer}/oidc/userinfo', clientID: 'party', clientSecret: '${SECRET}',
        callbackURL: '${url}/auth/strategy/callback', scope: ['profile', 'email'],
        verify: (issuer, profile, done) => done(null, profile)
      }
    },
    users: [{ username: 'simuser', permissions: ['*'] }]
  }
}`
}

t.test('Node-RED: its editor signs in with Plex, and who is not on its list stays out', async (t) => {
  const party = await reserveParty()
  const { issuer, signIn } = await startProvider(t, {
    redirectUris: [`${party.url}/auth/strategy/callback`],
    pkce: 'optional'
  })
  const folder = t.testdir({
    'package.json': '{"type":"commonjs"}',
    'settings.js': settingsFile(issuer, party.url, party.port)
  })
  const child = spawn(
    process.execPath,
    [packages.resolve('node-red/red.js'), '-s', join(folder, 'settings.js'), '-u', folder],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env['PATH'] ?? '', HOME: folder } }
  )
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text) => {
      output += String(text)
    })
  const exited = once(child, 'exit')
  t.teardown(async () => {
    child.kill('SIGKILL')
    await exited
  })
  const isUp = async () =>
    (
      await createVisitor()
        .ask(party.url)
        .catch(() => null)
    )?.status === 200
  await until(isUp, 'Node-RED answers', 60_000).catch((error: Error) => {
    throw new Error(`${error.message}\n${output}`)
  })

  const owner = await signIn(OWNER)
  const editor = await owner.go(`${party.url}/auth/strategy`)
  const code = editor.way.map(codeOf).at(-1) ?? ''
  t.ok(code, `${editor.way.join(' → ')}\n${output.slice(-600)}`)
  // As the editor does it.
  const exchange = await owner.ask(`${party.url}/auth/token`, {
    method: 'POST',
    body: JSON.stringify({ code }),
    headers: { 'content-type': 'application/json' }
  })
  const { accessToken: token = '' } = JSON.parse(exchange.text) as { accessToken?: string }
  const settings = await owner.ask(`${party.url}/settings`, { headers: { authorization: `Bearer ${token}` } })
  t.match(JSON.parse(settings.text), { user: { username: 'simuser' } })

  const friend = await signIn(FRIEND)
  const refused = await friend.go(`${party.url}/auth/strategy`)
  t.notOk(codeOf(refused.url), 'a Plex account alone opens nothing')
  t.equal((await friend.ask(`${party.url}/settings`)).status, 401)
})

/** The code that Node-RED gives its editor: base64 as it is, in which a parser of forms takes `+` for a blank. */
function codeOf(url: string): string | null {
  return URL.parse(url)?.searchParams.get('code')?.replaceAll(' ', '+') ?? null
}
